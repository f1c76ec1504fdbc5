"""What a group's members have sent, by message ID, within bounds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .call_checks import data_size
from .topics import Topic

if TYPE_CHECKING:
    from .api import Call

#: Messages that a group keeps (each send is one: `lava-wait --next` may still ask for it).
MAX_MESSAGES = 1_000_000
#: Bytes of data that a group keeps.
MAX_KEPT = 256 * 1024 * 1024


class Messages:
    """The topics of a group: those with a message, and those that are waited for."""

    def __init__(self) -> None:
        self._topics: dict[str, Topic] = {}
        self._count = 0
        self._kept = 0

    def topic(self, message_id: str) -> Topic:
        """Return what there is under an ID, making the place for it."""
        topic = self._topics.get(message_id)
        if topic is None:
            topic = self._topics[message_id] = Topic()
        return topic

    def forget_unused(self, message_id: str) -> None:
        """Drop the place under an ID if there is nothing in it."""
        topic = self._topics.get(message_id)
        if topic is not None and topic.unused:
            del self._topics[message_id]

    def problem(self, call: Call) -> str:
        """Return why what `call` sends cannot be kept, or ""."""
        if self._count >= MAX_MESSAGES:
            return f"the group has sent {MAX_MESSAGES} messages; no more are kept"
        if call.data and self._kept + data_size(call.data) > MAX_KEPT:
            return f"the group's messages have {MAX_KEPT} bytes; no more are kept"
        return ""

    def add(self, sender: str, call: Call) -> tuple[Topic, int]:
        """Keep what `call` sends; return its topic, and how often `sender` has sent there."""
        _, message_id, data, _, _, _, _ = call
        self._count += 1
        if data:
            self._kept += data_size(data)
        topic = self._topics.get(message_id) or self.topic(message_id)
        return topic, topic.add(sender, data)
