"""Whose turn it is to boot: a board that is a process keeps a processor busy while it does."""

from __future__ import annotations

import os
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..deadline import Deadline


def processors() -> int:
    """Return how many this process may use."""
    return len(os.sched_getaffinity(0))


class Turns:
    """`size` boards at once."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._free = self.size
        self._changed = threading.Condition()

    @contextmanager
    def turn(self, deadline: Deadline) -> Iterator[None]:
        """Wait for a turn, and have it for as long as the context lasts.

        Who has one ends as soon as the run is cancelled, and wakes who waits.
        """
        with self._changed:
            while not self._free:
                self._changed.wait(max(0.0, deadline.at - time.monotonic()))
                deadline.check("waiting for other boards to have booted")
            self._free -= 1
        try:
            yield
        finally:
            with self._changed:
                self._free += 1
                self._changed.notify_all()
