"""Progress reports of long transfers."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..deadline import Deadline

REPORT_INTERVAL_S = 5.0
MB = 1e6


class ProgressReporter:
    """Reports the progress of `action` to `step`, and applies `deadline`."""

    def __init__(self, action: str, step: Callable[[str], None], deadline: Deadline) -> None:
        self._action = action
        self._step = step
        self._deadline = deadline
        self._due = time.monotonic() + REPORT_INTERVAL_S

    def report(self, done: int, total: int | None) -> None:
        """Report `done` of `total` bytes (None: unknown), at most once per interval.

        Raise what the deadline does, at every call.
        """
        self._deadline.check(self._action)
        if time.monotonic() < self._due:
            return
        self._due = time.monotonic() + REPORT_INTERVAL_S
        of = f" of {total / MB:.0f}" if total else ""
        self._step(f"{self._action}: {done / MB:.0f}{of} MB")
