"""Deadlines, with the name of the limit that set them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from .errors import INTERRUPTED, ActionTimeout, Cancelled

if TYPE_CHECKING:
    import threading


class Deadline:
    """A point in monotonic time; `limit` names the key or option that sets it.

    `cancelled` is set when the user interrupts the run; checks then raise `Cancelled`.
    """

    def __init__(
        self, seconds: float, limit: str, cancelled: threading.Event | None = None
    ) -> None:
        self.seconds = seconds
        self.limit = limit
        self.at = time.monotonic() + seconds  # of time.monotonic()
        self._cancelled = cancelled

    def __str__(self) -> str:
        """Return the limit and its name, for messages."""
        return f"{self.seconds:g} s ({self.limit})"

    @property
    def left(self) -> float:
        """The remaining seconds, at least 0."""
        return max(0.0, self.at - time.monotonic())

    def part(self, seconds: float, limit: str) -> Deadline:
        """Return the deadline of a part, which ends no later than this one.

        If this deadline is the earlier one, it is returned itself, so that
        messages name the limit that applied.
        """
        if self.at <= time.monotonic() + seconds:
            return self
        return Deadline(seconds, limit, self._cancelled)

    def within(self, seconds: float) -> float:
        """Return the smaller of `seconds` and the remaining time; raise as `check` does."""
        self.check()
        return min(seconds, self.at - time.monotonic())

    def check(self, doing: str = "") -> None:
        """Raise `ActionTimeout` if the deadline has passed, `Cancelled` after an interrupt."""
        if self._cancelled is not None and self._cancelled.is_set():
            raise Cancelled(INTERRUPTED)
        if time.monotonic() >= self.at:
            where = f": {doing}" if doing else ""
            raise ActionTimeout(f"not done within {self}{where}")
