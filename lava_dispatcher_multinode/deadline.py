"""How long something may take, and who said so."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from .errors import ActionTimeout, Cancelled

if TYPE_CHECKING:
    import threading


class Deadline:
    """A point on the wall clock's monotonic twin; `limit` says where it is set.

    `cancelled` ends it early: the user has interrupted the run.
    """

    def __init__(
        self, seconds: float, limit: str, cancelled: threading.Event | None = None
    ) -> None:
        self.seconds = seconds
        self.limit = limit
        self.at = time.monotonic() + seconds  # as time.monotonic()
        self._cancelled = cancelled

    def part(self, seconds: float, limit: str) -> Deadline:
        """Return a deadline of its own for a part of it, over at the latest with it."""
        part = Deadline(seconds, limit, self._cancelled)
        part.at = min(part.at, self.at)
        return part

    def within(self, seconds: float) -> float:
        """Return `seconds`, or what is left if that is less; `ActionTimeout` if nothing is."""
        self.check()
        return min(seconds, self.at - time.monotonic())

    def check(self, doing: str = "") -> None:
        """Raise `ActionTimeout` if it is over, `Cancelled` if the run is."""
        if self._cancelled is not None and self._cancelled.is_set():
            raise Cancelled("the run was interrupted")
        if time.monotonic() >= self.at:
            where = f": {doing}" if doing else ""
            raise ActionTimeout(f"not done within {self.seconds:g} s ({self.limit}){where}")
