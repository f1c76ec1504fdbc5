"""No, in the form in which it was asked."""

import json

import pytest

from lava_dispatcher_multinode.coordinator import board_protocol
from lava_dispatcher_multinode.coordinator.error_replies import Refusals
from lava_dispatcher_multinode.coordinator.observer import Reporter
from lava_dispatcher_multinode.coordinator.protocol import LineError, WireError


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
def refusals(told):
    """Refusals that are told at once."""

    class Told(Reporter):
        def refused(self, text):
            told.append(text)

    return Refusals(Told(None))


def test_a_frame_is_refused_with_a_frame(refusals, told):
    """With its number, and the reason; a member stays, a stranger is sent away."""
    member, stranger = Peer("a"), Peer(None)
    refusals.request(member, "no", 7)
    refusals.unreadable(stranger, WireError("what?"))
    assert json.loads(member.sent[0][8:]) == {
        "response": "nack",
        "status": "refused",
        "reason": "no",
        "id": 7,
    }
    assert "id" not in json.loads(stranger.sent[0][8:])
    assert (member.left, stranger.left) == (False, True)
    assert told == ["refused 'a': no", "refused 'a connection': what?"]


def test_a_line_is_refused_with_a_line(refusals, told):
    """The board's script reads no frames."""
    member, stranger = Peer("a"), Peer(None)
    refusals.line(member, "1-1", "no")
    refusals.unreadable(stranger, LineError("what?", "1-2"))
    assert member.sent == [board_protocol.refusal("1-1", "no")]
    assert stranger.sent == [board_protocol.refusal("1-2", "what?")]
    assert (member.left, stranger.left) == (False, True)
    assert told[0] == "refused a line of 'a': no"
