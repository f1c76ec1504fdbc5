"""What follows from what happens to a group: the rules' answer to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from .topic import Wait

if TYPE_CHECKING:
    from collections.abc import Mapping


class Message(NamedTuple):
    """A message was sent, and every member can have it."""

    id: str
    sender: str
    data: Mapping[str, str]


#: Or a call that is not satisfied yet, and has no outcome; or one that has its outcome now.
Event = Message | Wait
