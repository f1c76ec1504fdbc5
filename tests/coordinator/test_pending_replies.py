"""Clients, and the replies that they wait for."""

import json

from lava_dispatcher_multinode.coordinator.pending_replies import (
    ClientSession,
    GroupDataWaiters,
    PendingReply,
)
from lava_dispatcher_multinode.coordinator.protocol import encode_frame, parse_request
from lava_dispatcher_multinode.multinode.api import Api, Call, Cause, Outcome, Status


class Peer:
    """Records what it is sent."""

    def __init__(self):
        self.sent = []

    def write(self, frame):
        """Record a reply."""
        self.sent.append(json.loads(frame[8:]))


def request(tag):
    """Return a held group_data."""
    who = {"request": "group_data", "client_name": "a", "group_name": "g", "hold": True}
    return parse_request(encode_frame(who | {"id": tag})[8:])


def test_each_is_answered_once_when_its_time_is_over_or_all_are_there():
    """Each group_data has one reply, with its ID, at its timeout or when the group is complete."""
    waiters, session = GroupDataWaiters(), ClientSession(Peer())
    waiters.add(session, request(1), 5.0)
    waiters.add(session, request(2), 9.0)
    assert waiters.deadlines.next() == 5.0
    waiters.send_reply({"response": "nack"}, 5.0)
    assert session.peer.sent == [{"response": "nack", "id": 1}]
    assert len(session.pending) == 1
    for _ in range(2):
        waiters.send_reply({"response": "group_data"}, float("inf"))
    assert session.peer.sent[1:] == [{"response": "group_data", "id": 2}]
    assert not session.pending
    assert waiters.deadlines.next() is None


def test_a_closed_connection_is_not_answered():
    """A closed connection gets no reply."""
    waiters, session = GroupDataWaiters(), ClientSession(Peer())
    waiters.add(session, request(1), 5.0)
    for pending in session.pending:
        pending.drop()
    waiters.send_reply({"response": "group_data"}, float("inf"))
    assert session.peer.sent == []


def test_a_reply_is_given_once_and_not_after_the_end():
    """A reply is sent once, and not to a closed connection."""
    who = {"request": "lava_wait", "messageID": "x", "client_name": "a", "group_name": "g"}
    request = parse_request(encode_frame(who | {"hold": True, "id": 7})[8:])
    session = ClientSession(Peer())
    one, two = (PendingReply(session, request) for _ in range(2))
    outcome = Outcome(Status.TIMEOUT, (), Cause.TIMEOUT, {"sentence": "late"})
    for _ in range(2):
        one.send_outcome(Call(Api.WAIT, "x"), outcome)
    reply = {
        "response": "nack",
        "status": "timeout",
        "cause": "timeout",
        "reason": "late",
        "id": 7,
    }
    assert session.peer.sent == [reply]
    session.pending = set()
    two.send_outcome(Call(Api.WAIT, "x"), outcome)
    assert len(session.peer.sent) == 1
