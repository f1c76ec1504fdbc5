"""Connections, and what they are owed."""

from lava_dispatcher_multinode.coordinator.protocol import encode
from lava_dispatcher_multinode.coordinator.replies import Replies
from lava_dispatcher_multinode.coordinator.requests import Reader
from lava_dispatcher_multinode.coordinator.tickets import Caller, Owed
from lava_dispatcher_multinode.multinode.api import Api, Call, Cause, Outcome, Status


class Peer:
    """Keeps what it is sent."""

    def __init__(self):
        self.sent = []

    def write(self, frame):
        """Keep a reply."""
        self.sent.append(frame)


def test_a_reply_is_given_once_and_not_after_the_end():
    """A connection that is gone has no tickets left, and hears nothing."""
    who = {"request": "lava_wait", "messageID": "x", "client_name": "a", "group_name": "g"}
    request = Reader().read(encode(who | {"hold": True, "id": 7})[8:])
    caller, replies = Caller(Peer()), Replies()
    one, two = (Owed(caller, request, replies) for _ in range(2))
    outcome = Outcome(Status.TIMEOUT, (), Cause.TIMEOUT, {"sentence": "late"})
    for _ in range(2):
        one.answer(Call(Api.WAIT, "x"), outcome)
    reply = {
        "response": "nack",
        "status": "timeout",
        "cause": "timeout",
        "reason": "late",
        "id": 7,
    }
    assert caller.peer.sent == [encode(reply)]
    caller.tickets = set()
    two.answer(Call(Api.WAIT, "x"), outcome)
    assert len(caller.peer.sent) == 1
