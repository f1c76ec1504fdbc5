"""One message ID's messages and waits."""

from lava_dispatcher_multinode.sync.calls import Api, Call
from lava_dispatcher_multinode.sync.topic import Topic, Wait


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
