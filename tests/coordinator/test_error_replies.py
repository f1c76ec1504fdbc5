"""No, in the form in which it was asked."""

import json

import pytest

from lava_dispatcher_multinode.coordinator import board_protocol
from lava_dispatcher_multinode.coordinator.error_replies import ErrorReplies
from lava_dispatcher_multinode.coordinator.observer import EventNotifier
from lava_dispatcher_multinode.coordinator.protocol import BoardLineError, ProtocolError


class Peer:
    """Keeps what it is sent."""

    def __init__(self, node):
        self.node, self.sent, self.left = node, [], False

    def write(self, data):
        """Keep it."""
        self.sent.append(data)

    def hang_up(self):
        """Note that it was sent away."""
        self.left = True


@pytest.fixture
def told():
    """A list of what is told to the job."""
    return []


@pytest.fixture
def errors(told):
    """Refusals that are told at once."""

    class Recorder(EventNotifier):
        def log_refusal(self, text):
            told.append(text)

    return ErrorReplies(Recorder(None))


def test_a_frame_is_refused_with_a_frame(errors, told):
    """With its number, and the reason; a member stays, a stranger is sent away."""
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
    """The board's script reads no frames."""
    member, stranger = Peer("a"), Peer(None)
    errors.refuse_line(member, "1-1", "no")
    errors.refuse_malformed(stranger, BoardLineError("what?", "1-2"))
    assert member.sent == [board_protocol.format_refusal("1-1", "no")]
    assert stranger.sent == [board_protocol.format_refusal("1-2", "what?")]
    assert (member.left, stranger.left) == (False, True)
    assert told[0] == "refused a line of 'a': no"
