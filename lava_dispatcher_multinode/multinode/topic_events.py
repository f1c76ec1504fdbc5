"""What follows from what happens to a group: the rules' answer to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from .topics import Wait

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class Message(NamedTuple):
    """A message was sent, and every member can have it."""

    id: str
    sender: str
    data: Mapping[str, str]


class Arrival(NamedTuple):
    """Many have made the same lava-sync: each has sent its message, and waits."""

    waits: list[Wait]

    def each(self) -> Iterator[Message | Wait]:
        """Yield what that is one by one."""
        for wait in self.waits:
            yield Message(wait.call.id, wait.node, wait.call.data)
            yield wait


#: A `Wait` has no outcome, and is not satisfied yet; or it has one now.
Event = Message | Wait | Arrival
