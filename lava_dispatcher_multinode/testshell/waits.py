"""The calls of a board that have no reply yet, and probes whether their callers are alive."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..multinode.reasons import command

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..multinode.api import Call

#: The callers of open calls are probed one at a time, at this interval: a hundred of them must
#: not fill a slow line.
PROBE_INTERVAL_S = 5.0
#: Calls that a message names.
MAX_NAMED = 3


@dataclass
class ConsoleCall:
    """A call over the console: the ID of its request if it has one, and a way to withdraw it.

    `definition` made the call; another one may run when the reply arrives.
    """

    id: bytes | None
    call: Call
    since: float
    definition: str | None = None
    cancel: Callable[[], None] | None = None


class ConsoleCalls:
    """The open calls of a test shell; times are those of time.monotonic()."""

    def __init__(self) -> None:
        self._waits: dict[int, ConsoleCall] = {}
        self._numbers = itertools.count(1)
        self._probe_at: float | None = None

    def add(self, id_: bytes | None, call: Call, now: float, definition: str | None = None) -> int:
        """Add a call; return its number."""
        number = next(self._numbers)
        self._waits[number] = ConsoleCall(id_, call, now, definition)
        if self._probe_at is None:
            self._probe_at = now + PROBE_INTERVAL_S
        return number

    def set_cancel(self, number: int, cancel: Callable[[], None] | None) -> None:
        """Set the function that withdraws a call, unless the call is answered."""
        if number in self._waits:
            self._waits[number].cancel = cancel

    def pop(self, number: int) -> ConsoleCall:
        """Remove and return an answered call."""
        wait = self._waits.pop(number)
        if not self._waits:
            self._probe_at = None
        return wait

    def due(self) -> float | None:
        """Return the time of the next probe, or None."""
        return self._probe_at

    def probe(self, now: float) -> bytes | None:
        """Return the ID of the request whose caller is to be probed now; each has its turn."""
        if self._probe_at is None or now < self._probe_at:
            return None
        self._probe_at = now + PROBE_INTERVAL_S
        number = next(iter(self._waits))
        wait = self._waits[number] = self._waits.pop(number)
        return wait.id

    def cancel_for(self, id_: bytes) -> None:
        """Withdraw the call of a caller that has ended."""
        for wait in self._waits.values():
            if wait.id == id_ and wait.cancel is not None:
                wait.cancel()

    def cancel_all(self) -> list[ConsoleCall]:
        """Withdraw and return all calls: the run has ended."""
        waits = list(self._waits.values())
        for wait in waits:
            if wait.cancel is not None:
                wait.cancel()
        return waits

    def describe(self, now: float) -> list[str]:
        """Return how long the calls have waited, longest first; further ones are counted."""
        waits = sorted(self._waits.values(), key=lambda wait: wait.since)
        lines = [
            f"{command(wait.call)} has been unanswered for {now - wait.since:.0f} s"
            for wait in waits[:MAX_NAMED]
        ]
        if len(waits) > MAX_NAMED:
            lines.append(f"and {len(waits) - MAX_NAMED} more calls are unanswered")
        return lines
