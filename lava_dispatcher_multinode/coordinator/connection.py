"""One accepted socket of the coordinator: bytes in, frames out, and its bounds."""

from __future__ import annotations

import contextlib
import socket
from typing import TYPE_CHECKING

from .protocol import MAX_REQUEST_BYTES, FrameReader

if TYPE_CHECKING:
    from collections.abc import Callable

#: Bytes read at a time.
READ_BYTES = 16 * 1024
#: With more unsent bytes than this, no further request is read.
HIGH_WATER_BYTES = 1024 * 1024
#: With more unsent bytes than this, the connection is closed; one reply may be longer.
MAX_UNSENT_BYTES = 64 * 1024 * 1024


class Connection:
    """An `access.Peer` over a socket that never blocks.

    `on_change(connection)` is called when it has bytes to send or is to be closed.
    """

    __slots__ = (
        "_on_change",
        "_output",
        "closed",
        "ended",
        "frames",
        "is_counted",
        "is_timed",
        "leaving",
        "lingering",
        "node",
        "reading",
        "socket",
        "writing",
    )

    def __init__(self, sock: socket.socket, on_change: Callable[[Connection], None]) -> None:
        sock.setblocking(False)
        self.socket = sock
        self.node: str | None = None
        self.frames = FrameReader(MAX_REQUEST_BYTES)
        self.ended = False  # the far end has shut its side
        self.leaving = False  # to be closed when everything is sent
        self.lingering = False  # our side is shut; input is discarded
        self.closed = False
        self.is_counted = False  # as a connection of its member
        self.is_timed = True  # its current request must be complete in time
        self.reading = self.writing = False  # the loop watches the socket for that
        self._output = bytearray()
        self._on_change = on_change

    # As a peer

    def write(self, data: bytes) -> None:
        """Send bytes, after those sent before."""
        output = self._output
        if output and len(output) + len(data) > MAX_UNSENT_BYTES:
            self.closed = True
        elif not (self.closed or self.leaving):
            output += data
        self._on_change(self)

    def hang_up(self) -> None:
        """Close, after what was sent has left."""
        self.leaving = True
        self._on_change(self)

    # As a socket

    @property
    def has_unsent(self) -> bool:
        """True if there are bytes to send."""
        return bool(self._output)

    @property
    def is_steady(self) -> bool:
        """True if everything is sent, more is expected, and the loop watches for input only."""
        return (
            self.reading
            and not self._output
            and not (self.writing or self.ended or self.leaving or self.closed)
        )

    @property
    def wants_input(self) -> bool:
        """True before the end of the input, unless the far end does not read its replies."""
        return not self.ended and len(self._output) <= HIGH_WATER_BYTES

    def receive(self) -> bool:
        """Read once; return whether there may be more, or the end."""
        try:
            data = self.socket.recv(READ_BYTES)
        except (BlockingIOError, InterruptedError):
            return False
        except OSError:
            self.closed = True
            return False
        if not data:
            self.ended = True
        elif not self.leaving:
            self.frames.feed(data)
        return not self.ended

    def flush(self) -> bool:
        """Write what can be written; return whether there was progress."""
        sent = 0
        try:
            if self._output:
                sent = self.socket.send(self._output)
        except (BlockingIOError, InterruptedError):
            return False
        except OSError:
            self.closed = True
            return False
        del self._output[:sent]
        if self.leaving and not self._output and not self.lingering:
            # Closing with unread input would reset the connection, and discard our reply.
            self.lingering = True
            with contextlib.suppress(OSError):
                self.socket.shutdown(socket.SHUT_WR)
        return sent > 0
