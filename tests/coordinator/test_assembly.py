"""Who waits until the group is complete."""

import json

from lava_dispatcher_multinode.coordinator.assembly import Assembly
from lava_dispatcher_multinode.coordinator.protocol import encode
from lava_dispatcher_multinode.coordinator.requests import Reader
from lava_dispatcher_multinode.coordinator.tickets import Caller


class Peer:
    """Keeps what it is sent."""

    def __init__(self):
        self.sent = []

    def write(self, frame):
        """Keep a reply."""
        self.sent.append(json.loads(frame[8:]))


def request(tag):
    """Return a held group_data."""
    who = {"request": "group_data", "client_name": "a", "group_name": "g", "hold": True}
    return Reader().read(encode(who | {"id": tag})[8:])


def test_each_is_answered_once_when_its_time_is_over_or_all_are_there():
    """With its own number; and is an answer to come until then."""
    assembly, caller = Assembly(), Caller(Peer())
    assembly.join(caller, request(1), 5.0)
    assembly.join(caller, request(2), 9.0)
    assert assembly.seats.next() == 5.0
    assembly.answer({"response": "nack"}, 5.0)
    assert caller.peer.sent == [{"response": "nack", "id": 1}]
    assert len(caller.tickets) == 1
    for _ in range(2):
        assembly.answer({"response": "group_data"}, float("inf"))
    assert caller.peer.sent[1:] == [{"response": "group_data", "id": 2}]
    assert not caller.tickets
    assert assembly.seats.next() is None


def test_who_has_left_is_not_answered():
    """Its connection is gone."""
    assembly, caller = Assembly(), Caller(Peer())
    assembly.join(caller, request(1), 5.0)
    for ticket in caller.tickets:
        ticket.drop()
    assembly.answer({"response": "group_data"}, float("inf"))
    assert caller.peer.sent == []
