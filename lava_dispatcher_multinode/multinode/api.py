"""The vocabulary of the MultiNode API: one call of a node, and its outcome."""

from __future__ import annotations

from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping


class Api(StrEnum):
    """The calls that travel; lava-self, lava-role and lava-group never leave the board."""

    SEND = "send"
    WAIT = "wait"
    WAIT_ALL = "wait-all"
    SYNC = "sync"


#: Makes a named tuple of a tuple, in half of the time that its own constructor takes.
new = tuple.__new__

#: For code that runs for every message: before Python 3.12, `Api.X` takes as long as a call.
SEND, WAIT, WAIT_ALL, SYNC = Api


class Status(StrEnum):
    """How a call ended."""

    DONE = "done"
    REFUSED = "refused"
    TIMEOUT = "timeout"
    NEVER = "never"  # can never be satisfied: peer lost, peer finished, deadlock


#: What the on-board script exits with; 2 is usage, decided on the board.
SCRIPT_EXIT = {Status.DONE: 0, Status.REFUSED: 1, Status.TIMEOUT: 3, Status.NEVER: 4}


#: What is sent with no data.
NOTHING: Mapping[str, str] = MappingProxyType({})


class Call(NamedTuple):
    """One call of the API by one node."""

    api: Api
    id: str
    data: Mapping[str, str] = NOTHING  # send only
    role: str | None = None  # wait-all only
    next: bool = False  # wait only: consume
    timeout: float | None = None  # seconds; None: the job's
    #: What the board calls its question: asked again, on whatever way, it is the same call.
    question: str | None = None


class Outcome(NamedTuple):
    """The answer to a `Call`.

    `data` has one entry per sender, oldest sender first (wait, wait-all, sync).
    `reason` is a sentence for the user, empty when done.
    """

    status: Status
    data: tuple[tuple[str, Mapping[str, str]], ...] = ()
    reason: str = ""
