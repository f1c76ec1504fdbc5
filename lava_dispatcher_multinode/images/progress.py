"""How far a long transfer is, told now and then."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..deadline import Deadline

EVERY = 5.0  # seconds between two remarks
MB = 1e6


class Meter:
    """Tells `step` how much of `what` is done; the place where a deadline ends it."""

    def __init__(self, what: str, step: Callable[[str], None], deadline: Deadline) -> None:
        self._what = what
        self._step = step
        self._deadline = deadline
        self._due = time.monotonic() + EVERY

    def __call__(self, done: int, total: int | None) -> None:
        """Take that `done` bytes of `total` (None: not known) are there."""
        self._deadline.check(self._what)
        if time.monotonic() < self._due:
            return
        self._due = time.monotonic() + EVERY
        of = f" of {total / MB:.0f}" if total else ""
        self._step(f"{self._what}: {done / MB:.0f}{of} MB")
