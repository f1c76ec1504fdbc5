"""What follows from what happens to a group: the rules' answer to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .calls import Call, Outcome


class Message(NamedTuple):
    """A message was sent, and every member can have it."""

    id: str
    sender: str
    data: Mapping[str, str]


class Waiting(NamedTuple):
    """A call is not satisfied yet."""

    ticket: Any  # whatever the call came with
    node: str
    call: Call


class Answered(NamedTuple):
    """A call has its answer, `seconds` after it was asked."""

    ticket: Any  # whatever the call came with
    node: str
    call: Call
    outcome: Outcome
    seconds: float


Event = Message | Waiting | Answered
