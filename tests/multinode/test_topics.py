"""One message ID's messages and waits."""

import pytest

from lava_dispatcher_multinode.multinode.api import Api, Call, Outcome, Status
from lava_dispatcher_multinode.multinode.topics import Topic, Wait
from lava_dispatcher_multinode.multinode.transitions import CallEvent, CallState


def test_a_resend_replaces_and_keeps_its_place():
    """Oldest sender first, however often it sends again."""
    topic = Topic()
    sends = (("a", {"k": "1"}), ("b", {}), ("a", {"j": "2"}))
    assert [topic.add(*send) for send in sends] == [1, 1, 2]
    assert list(topic.others("c")) == [("a", {"j": "2"}), ("b", {})]
    assert list(topic.others("a")) == [("b", {})]


def test_each_receiver_reads_every_message_of_others_once():
    """Re-sends are messages of their own here, and nobody reads for another."""
    topic = Topic()
    for sender, value in (("a", "1"), ("b", "2"), ("a", "3")):
        topic.add(sender, {"k": value})

    def read(node):
        values = []
        while message := topic.unread(node):
            values.append(message[1]["k"])
            topic.consume(node)
        return values

    assert [read("a"), read("b"), read("c"), read("c")] == [["2"], ["1", "3"], ["1", "2", "3"], []]


def test_nothing_is_left_of_a_topic_that_was_only_waited_for():
    """Waiting for many IDs in turn does not fill the memory."""
    for call in (Call(Api.WAIT, "x"), Call(Api.WAIT, "x", next=True), Call(Api.SYNC, "x")):
        topic = Topic()
        waits = [Wait(number, "a", call, 0.0) for number in range(3)]
        for wait in waits:
            if call.api is Api.SYNC:
                topic.bucket(wait, "ab")
            topic.park(wait)
        assert not topic.unused
        for wait in waits:
            topic.unpark(wait)
        assert topic.unused


def test_a_message_is_not_forgotten():
    """A topic with a message stays, waited for or not."""
    topic = Topic()
    topic.add("a", {})
    assert not topic.unused


@pytest.mark.parametrize(
    ("event", "reason", "data", "state", "outcome"),
    [
        ("SATISFIED", "", (), CallState.DONE, Outcome(Status.DONE)),
        ("SATISFIED", "", (("b", {}),), CallState.DONE, Outcome(Status.DONE, (("b", {}),))),
        (
            "PEER_LOST",
            "b failed",
            (),
            CallState.NEVER,
            Outcome(Status.NEVER, (), "lava-wait x: b failed"),
        ),
        ("NOT_ALLOWED", "", (), CallState.REFUSED, Outcome(Status.REFUSED)),
    ],
)
def test_the_end_of_a_call(event, reason, data, state, outcome):
    """How it ended, with what, why, and how long it took from the question."""
    wait = Wait(1, "a", Call(Api.WAIT, "x"), asked=5.0)
    wait.end(CallEvent[event], 7.5, reason, data)
    assert (wait.state, wait.outcome, wait.seconds) == (state, outcome, 2.5)


def test_a_bucket_has_the_members_that_have_not_sent_as_often():
    """It is found again by all that need the same, once there is a call in it."""
    topic = Topic()
    for sender in "aab":
        topic.add(sender, {})
    once, twice, also = (Wait(n, "a", Call(Api.SYNC, "x"), 0.0, level=2) for n in range(3))
    once.level = 1
    assert list(topic.bucket(once, "abc").absent) == ["c"]
    assert list(topic.bucket(twice, "abc").absent) == ["b", "c"]
    topic.park(twice)
    assert twice.topic is topic
    assert topic.bucket(also, "abc") is twice.bucket
    assert topic.bucket(also, "") is twice.bucket
    assert topic.close(2, None) is twice.bucket
    assert topic.all == {}


def test_a_call_that_counts_nothing_needs_one_message_of_each():
    """A lava-wait-all is satisfied by members that have sent once."""
    topic = Topic()
    topic.add("a", {})
    assert list(topic.bucket(Wait(1, "b", Call(Api.WAIT_ALL, "x"), 0.0), "abc").absent) == [
        "b",
        "c",
    ]
