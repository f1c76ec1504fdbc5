"""A queue that a signal never fails to wake."""

from __future__ import annotations

import socket
from collections import deque
from contextlib import suppress


class SignalSafeQueue:
    """What happens to a run, None for a signal; one reads, anybody puts.

    Python's own queues wait for a lock: a signal that comes just before the wait begins, or
    to another thread, is noticed when the wait is over, which may be never. Here the reader
    waits for a byte, which `waker`, given to signal.set_wakeup_fd, gets whatever happens.
    """

    def __init__(self) -> None:
        self._items: deque[str | None] = deque()
        self._sleeper, self._waker = socket.socketpair()
        self._waker.setblocking(False)

    @property
    def waker(self) -> int:
        """The descriptor that wakes the reader."""
        return self._waker.fileno()

    def put(self, item: str | None) -> None:
        """Add an item; from any thread, and from a signal's handler."""
        self._items.append(item)
        with suppress(OSError):  # full: the reader is being woken; closed: there is none
            self._waker.send(b"x")

    def get(self) -> str | None:
        """Return the oldest item; wait for one."""
        while not self._items:
            self._sleeper.recv(4096)
        return self._items.popleft()

    def close(self) -> None:
        """Give the descriptors back."""
        self._sleeper.close()
        self._waker.close()
