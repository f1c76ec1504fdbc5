"""What other threads want done in the loop's."""

from __future__ import annotations

import contextlib
import socket
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Commands:
    """A queue whose descriptor is readable when something was posted."""

    def __init__(self) -> None:
        self.queue: deque[Callable[[], None]] = deque()
        self._waker, self._wake_end = socket.socketpair()
        for sock in (self._waker, self._wake_end):
            sock.setblocking(False)

    def fileno(self) -> int:
        """Return the descriptor to watch."""
        return self._waker.fileno()

    def post(self, command: Callable[[], None]) -> None:
        """Add one; from any thread."""
        self.queue.append(command)
        # A full pipe wakes as well; a closed one has nobody left to wake.
        with contextlib.suppress(OSError):
            self._wake_end.send(b"x")

    def woken(self) -> None:
        """Make the descriptor unreadable again."""
        self._waker.recv(4096)

    def take(self) -> Iterator[Callable[[], None]]:
        """Yield those that there are, and those that come meanwhile."""
        while self.queue:
            yield self.queue.popleft()

    def close(self) -> None:
        """Close; what is posted from now on is never done."""
        self._waker.close()
        self._wake_end.close()
