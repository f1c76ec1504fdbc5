"""How long something may take, and who said so."""

from __future__ import annotations

import time

from .errors import ActionTimeout


class Deadline:
    """A point on the wall clock's monotonic twin; `limit` says where it is set."""

    def __init__(self, seconds: float, limit: str) -> None:
        self.seconds = seconds
        self.limit = limit
        self.at = time.monotonic() + seconds  # as time.monotonic()

    def within(self, seconds: float) -> float:
        """Return `seconds`, or what is left if that is less; `ActionTimeout` if nothing is."""
        self.check()
        return min(seconds, self.at - time.monotonic())

    def check(self, doing: str = "") -> None:
        """Raise `ActionTimeout` if it is over."""
        if time.monotonic() >= self.at:
            where = f": {doing}" if doing else ""
            raise ActionTimeout(f"not done within {self.seconds:g} s ({self.limit}){where}")
