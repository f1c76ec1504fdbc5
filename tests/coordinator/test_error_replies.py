"""Negative replies, in the protocol of the request."""

import json

import pytest

from lava_dispatcher_multinode.coordinator import board_protocol
from lava_dispatcher_multinode.coordinator.error_replies import ErrorReplies
from lava_dispatcher_multinode.coordinator.observer import EventNotifier
from lava_dispatcher_multinode.coordinator.protocol import BoardLineError, ProtocolError


class Peer:
    """Records what it is sent."""

    def __init__(self, node):
        self.node, self.sent, self.left = node, [], False

    def write(self, data):
        """Record a reply."""
        self.sent.append(data)

    def hang_up(self):
        """Record the disconnection."""
        self.left = True


@pytest.fixture
def told():
    """The events that the run receives."""
    return []


@pytest.fixture
def errors(told):
    """Error replies with a list of events."""

    class Recorder(EventNotifier):
        def log_refusal(self, text):
            told.append(text)

    return ErrorReplies(Recorder(None))


def test_a_frame_is_refused_with_a_frame(errors, told):
    """The nack has ID and reason; only unauthenticated connections are closed."""
    member, stranger = Peer("a"), Peer(None)
    errors.refuse_request(member, "no", 7)
    errors.refuse_malformed(stranger, ProtocolError("what?"))
    assert json.loads(member.sent[0][8:]) == {
        "response": "nack",
        "status": "refused",
        "reason": "no",
        "id": 7,
    }
    assert "id" not in json.loads(stranger.sent[0][8:])
    assert (member.left, stranger.left) == (False, True)
    assert told == ["refused 'a': no", "refused 'a connection': what?"]


def test_a_line_is_refused_with_a_line(errors, told):
    """A line is refused by a line, which on-board scripts can read."""
    member, stranger = Peer("a"), Peer(None)
    errors.refuse_line(member, "1-1", "no")
    errors.refuse_malformed(stranger, BoardLineError("what?", "1-2"))
    assert member.sent == [board_protocol.format_refusal("1-1", "no")]
    assert stranger.sent == [board_protocol.format_refusal("1-2", "what?")]
    assert (member.left, stranger.left) == (False, True)
    assert told[0] == "refused a line of 'a': no"
