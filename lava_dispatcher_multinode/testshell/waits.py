"""A board's calls that have no answer yet, and whether somebody still waits for it."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..multinode.reasons import command

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..multinode.api import Call

#: Seconds until the next of the calls that wait is asked whether its process still lives.
#: One at a time: a hundred that wait must not fill a slow line.
PROBE_INTERVAL_S = 5.0
#: How many calls a sentence names.
MAX_NAMED = 3


@dataclass
class PendingCall:
    """One call: the ID of its question, if it came as one, and how to take it back.

    `definition` is the one that made it; another may run when it has its answer.
    """

    id: bytes | None
    call: Call
    since: float
    definition: str | None = None
    cancel: Callable[[], None] | None = None


class PendingCalls:
    """Those of one run; times are time.monotonic()'s."""

    def __init__(self) -> None:
        self._waits: dict[int, PendingCall] = {}
        self._numbers = itertools.count(1)
        self._probe_at: float | None = None

    def add(self, id_: bytes | None, call: Call, now: float, definition: str | None = None) -> int:
        """Note a call; return its number."""
        number = next(self._numbers)
        self._waits[number] = PendingCall(id_, call, now, definition)
        if self._probe_at is None:
            self._probe_at = now + PROBE_INTERVAL_S
        return number

    def cancelled_by(self, number: int, cancel: Callable[[], None] | None) -> None:
        """Note how to take a call back, unless it has been answered already."""
        if number in self._waits:
            self._waits[number].cancel = cancel

    def pop(self, number: int) -> PendingCall:
        """Forget a call that has its answer."""
        wait = self._waits.pop(number)
        if not self._waits:
            self._probe_at = None
        return wait

    def due(self) -> float | None:
        """Return when the next is to be asked after."""
        return self._probe_at

    def probe(self, now: float) -> bytes | None:
        """Return the ID of the question to ask after now, each in its turn."""
        if self._probe_at is None or now < self._probe_at:
            return None
        self._probe_at = now + PROBE_INTERVAL_S
        number = next(iter(self._waits))
        wait = self._waits[number] = self._waits.pop(number)
        return wait.id

    def gone(self, id_: bytes) -> None:
        """Take back the call of a process that is gone."""
        for wait in self._waits.values():
            if wait.id == id_ and wait.cancel is not None:
                wait.cancel()

    def end(self) -> list[PendingCall]:
        """Take back all, and return them: the run has ended, and nobody would hear the answers."""
        waits = list(self._waits.values())
        for wait in waits:
            if wait.cancel is not None:
                wait.cancel()
        return waits

    def sentences(self, now: float) -> list[str]:
        """Return what waits for how long, shortened when long."""
        waits = sorted(self._waits.values(), key=lambda wait: wait.since)
        told = [
            f"{command(wait.call)} has had no answer for {now - wait.since:.0f} s"
            for wait in waits[:MAX_NAMED]
        ]
        if len(waits) > MAX_NAMED:
            told.append(f"and {len(waits) - MAX_NAMED} more calls wait")
        return told
