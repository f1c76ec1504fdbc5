"""Limits how many process-backed boards boot at once: each keeps a processor busy."""

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
    """Return the number of processors that this process may use."""
    return len(os.sched_getaffinity(0))


class BootSlots:
    """A semaphore of `size` slots whose wait ends with a deadline."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._free = self.size
        self._changed = threading.Condition()

    @contextmanager
    def acquire(self, deadline: Deadline) -> Iterator[None]:
        """Wait for a slot and hold it for as long as the context lasts.

        A cancelled run ends the holders, which wakes the waiters.
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
