"""The sockets by which connections come in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .connection import READ

if TYPE_CHECKING:
    import select
    import socket
    from collections.abc import Callable, Iterator, Sequence

#: Connections taken before others have their turn.
ACCEPTS = 64
#: Seconds until connections are accepted again after the process ran out of descriptors.
NO_DESCRIPTORS = 0.5


class Listeners:
    """Watched in `poll`, but for a pause when there are no descriptors for more connections."""

    def __init__(self, sockets: Sequence[socket.socket], poll: select.epoll) -> None:
        self._sockets = {sock.fileno(): sock for sock in sockets}
        self._poll = poll
        self.again_at: float | None = None  # the end of the pause
        for number, sock in self._sockets.items():
            sock.setblocking(False)
            poll.register(number, READ)

    def __contains__(self, number: int) -> bool:
        return number in self._sockets

    def accept(self, number: int, short: Callable[[OSError], None]) -> Iterator[socket.socket]:
        """Yield a turn of those who wait; `short` is told why one cannot be had."""
        for _turn in range(ACCEPTS):
            try:
                sock = self._sockets[number].accept()[0]
            except (BlockingIOError, InterruptedError, ConnectionError):
                return
            except OSError as error:
                short(error)
                return
            yield sock

    def pause(self, now: float) -> None:
        """Let those who come wait."""
        if self.again_at is None:
            for number in self._sockets:
                self._poll.unregister(number)
        self.again_at = now + NO_DESCRIPTORS

    def resume(self, now: float) -> None:
        """End the pause, if it is time to."""
        if self.again_at is not None and now >= self.again_at:
            self.again_at = None
            for number in self._sockets:
                self._poll.register(number, READ)

    def close(self) -> None:
        """Close them all."""
        for sock in self._sockets.values():
            sock.close()
