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

    def __str__(self) -> str:
        """Return the limit for a message: which, and where it is set."""
        return f"{self.seconds:g} s ({self.limit})"

    @property
    def left(self) -> float:
        """The seconds that are left, 0 if none are."""
        return max(0.0, self.at - time.monotonic())

    def part(self, seconds: float, limit: str) -> Deadline:
        """Return the deadline of a part of it, over at the latest with it.

        That is this one itself where it ends first: a message then names the
        limit that counted.
        """
        if self.at <= time.monotonic() + seconds:
            return self
        return Deadline(seconds, limit, self._cancelled)

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
            raise ActionTimeout(f"not done within {self}{where}")
