"""What follows from what happens to a group."""

from lava_dispatcher_multinode.multinode.api import Api, Call
from lava_dispatcher_multinode.multinode.topic_events import Arrival, Message
from lava_dispatcher_multinode.multinode.topics import Wait


def test_an_arrival_is_a_message_and_a_wait_of_each():
    """What a barrier brings is recorded like any other: each message, then its wait."""
    waits = [Wait(None, name, Call(Api.SYNC, "go", {"n": name}), 1.0) for name in ("a", "b")]
    assert list(Arrival(waits).each()) == [
        Message("go", "a", {"n": "a"}),
        waits[0],
        Message("go", "b", {"n": "b"}),
        waits[1],
    ]


def test_an_arrival_of_none_is_nothing():
    """An empty barrier has no event."""
    assert list(Arrival([]).each()) == []
