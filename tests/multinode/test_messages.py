"""What a group keeps of what was sent."""

from lava_dispatcher_multinode.multinode import messages as module
from lava_dispatcher_multinode.multinode.api import Api, Call
from lava_dispatcher_multinode.multinode.messages import Messages


def test_bytes_and_messages_are_counted_apart(monkeypatch):
    """Each bound by itself; a message without data costs no bytes."""
    monkeypatch.setattr(module, "MAX_MESSAGES", 3)
    monkeypatch.setattr(module, "MAX_KEPT", 10)
    messages = Messages()
    big = Call(Api.SEND, "x", {"k": "123456"})
    assert messages.problem(big) == ""
    assert messages.add("a", big)[1] == 1
    assert "10 bytes" in messages.problem(big)
    assert messages.problem(Call(Api.SEND, "x")) == ""
    messages.add("a", Call(Api.SYNC, "x"))
    assert messages.add("a", Call(Api.SEND, "x"))[1] == 3
    assert "3 messages" in messages.problem(Call(Api.SEND, "x"))


def test_a_place_that_was_only_looked_at_is_forgotten():
    """One with a message is not."""
    messages = Messages()
    looked = messages.topic("x")
    messages.forget_unused("x")
    assert messages.topic("x") is not looked
    topic, _ = messages.add("a", Call(Api.SEND, "y"))
    messages.forget_unused("y")
    assert messages.topic("y") is topic
