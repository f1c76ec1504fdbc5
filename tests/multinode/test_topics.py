"""The messages and waiting calls of one ID."""

import pytest

from lava_dispatcher_multinode.multinode import topics as module
from lava_dispatcher_multinode.multinode.api import Api, Call, Cause, Loss, Outcome, Status
from lava_dispatcher_multinode.multinode.topics import MemberCall, Message, Topic, Topics
from lava_dispatcher_multinode.multinode.transitions import CallState


def test_a_resend_replaces_and_keeps_its_place():
    """Oldest sender first, however often it sends again."""
    topic = Topic()
    sends = (("a", {"k": "1"}), ("b", {}), ("a", {"j": "2"}))
    assert [topic.add(Message("x", *send)) for send in sends] == [1, 1, 2]
    assert list(topic.others("c")) == [("a", {"j": "2"}), ("b", {})]
    assert list(topic.others("a")) == [("b", {})]


def test_each_receiver_reads_every_message_of_others_once():
    """Each re-send is a message, and each receiver has its own position."""
    topic = Topic()
    for sender, value in (("a", "1"), ("b", "2"), ("a", "3")):
        topic.add(Message("x", sender, {"k": value}))

    def read(node):
        values = []
        while message := topic.unread(node):
            values.append(message.data["k"])
            topic.consume(node)
        return values

    assert [read("a"), read("b"), read("c"), read("c")] == [["2"], ["1", "3"], ["1", "2", "3"], []]


def test_a_topic_without_a_message_is_unused_when_no_call_waits():
    """Waiting for many IDs in turn must not fill the memory."""
    for call in (Call(Api.WAIT, "x"), Call(Api.WAIT, "x", next=True), Call(Api.SYNC, "x")):
        topic = Topic()
        waits = [MemberCall(number, "a", call, 0.0) for number in range(3)]
        for wait in waits:
            if call.api is Api.SYNC:
                topic.barrier(wait, "ab")
            topic.add_waiter(wait)
        assert not topic.unused
        for wait in waits:
            topic.remove_waiter(wait)
        assert topic.unused


def test_a_message_is_not_forgotten():
    """A topic with a message stays, waited for or not."""
    topic = Topic()
    topic.add(Message("x", "a", {}))
    assert not topic.unused


@pytest.mark.parametrize(
    ("cause", "fields", "data", "state", "outcome"),
    [
        ("SATISFIED", {}, (), CallState.DONE, Outcome(Status.DONE)),
        ("SATISFIED", {}, (("b", {}),), CallState.DONE, Outcome(Status.DONE, (("b", {}),))),
        (
            "PEER_LOST",
            {"losses": (Loss("b", "", 0),)},
            (),
            CallState.NEVER,
            Outcome(Status.NEVER, (), Cause.PEER_LOST, {"losses": (Loss("b", "", 0),)}),
        ),
        (
            "NOT_ALLOWED",
            {},
            (),
            CallState.REFUSED,
            Outcome(Status.REFUSED, (), Cause.NOT_ALLOWED),
        ),
    ],
)
def test_the_end_of_a_call(cause, fields, data, state, outcome):
    """How it ended, with its data, its cause, and how long it took from the question."""
    pending = MemberCall(1, "a", Call(Api.WAIT, "x"), asked=5.0)
    pending.end(Cause[cause], 7.5, data, fields)
    assert (pending.state, pending.outcome, pending.seconds) == (state, outcome, 2.5)


def test_a_barrier_has_the_devices_that_have_not_sent_as_often():
    """All calls that need the same share it, once one of them waits."""
    topic = Topic()
    for sender in "aab":
        topic.add(Message("x", sender, {}))
    once, twice, also = (
        MemberCall(n, "a", Call(Api.SYNC, "x"), 0.0, required_count=2) for n in range(3)
    )
    once.required_count = 1
    assert list(topic.barrier(once, "abc").absent) == ["c"]
    assert list(topic.barrier(twice, "abc").absent) == ["b", "c"]
    topic.add_waiter(twice)
    assert topic.barrier(also, "abc") is twice.barrier
    assert topic.barrier(also, "") is twice.barrier
    assert topic.remove_barrier(2, None) is twice.barrier
    assert topic.barriers == {}


def test_a_call_that_counts_nothing_needs_one_message_of_each():
    """A lava-wait-all is satisfied by members that have sent once."""
    topic = Topic()
    topic.add(Message("x", "a", {}))
    assert list(topic.barrier(MemberCall(1, "b", Call(Api.WAIT_ALL, "x"), 0.0), "abc").absent) == [
        "b",
        "c",
    ]


def test_bytes_and_messages_are_counted_apart(monkeypatch):
    """Each has its own bound; a message without data has no bytes."""
    monkeypatch.setattr(module, "MAX_MESSAGES", 3)
    monkeypatch.setattr(module, "MAX_KEPT_BYTES", 10)
    topics = Topics()
    big = Call(Api.SEND, "x", {"k": "123456"})
    assert topics.problem(big) == ""
    assert "10 bytes" in topics.problem(Call(Api.SEND, "x", {"k": "12345678"}))
    assert topics.add(Message("x", "a", big.data))[1] == 1
    assert "10 bytes" in topics.problem(big)
    assert topics.problem(Call(Api.SEND, "x")) == ""
    topics.add(Message("x", "a", {}))
    assert topics.add(Message("x", "a", {}))[1] == 3
    assert "3 messages" in topics.problem(Call(Api.SEND, "x"))


def test_a_topic_that_was_only_unused_up_is_forgotten():
    """One with a message is not."""
    topics = Topics()
    unused = topics.get("x")
    topics.forget_unused("x")
    assert topics.get("x") is not unused
    topic, _ = topics.add(Message("y", "a", {}))
    topics.forget_unused("y")
    assert topics.get("y") is topic
