"""One accepted socket of the coordinator: bytes in, frames out, and its bounds."""

from __future__ import annotations

import contextlib
import select
import socket

from .protocol import MAX_REQUEST, Frames

#: What is watched for. Where the far end has shut its side, READ comes with END.
READ, WRITE, END = select.EPOLLIN, select.EPOLLOUT, select.EPOLLRDHUP
WATCHED = READ | END
#: Where the far end has shut its side and an answer is to come: that it has gone altogether.
GONE = select.EPOLLHUP

#: Bytes read at a time.
CHUNK = 16 * 1024
#: With more bytes than this still to send, no further request is read.
HIGH_WATER = 1024 * 1024
#: With more than this the far end counts as gone; one reply may be longer.
MAX_OUTGOING = 64 * 1024 * 1024


class Connection:
    """A `door.Peer` over a socket that never blocks; in `touched` when bytes are to go."""

    __slots__ = (
        "_outgoing",
        "_touched",
        "closed",
        "ended",
        "frames",
        "hurried",
        "known",
        "leaving",
        "lingering",
        "node",
        "registered",
        "socket",
    )

    def __init__(self, sock: socket.socket, touched: dict[Connection, None]) -> None:
        sock.setblocking(False)
        self.socket = sock
        self.node: str | None = None
        self.known = False  # counted to its member
        self.frames = Frames(MAX_REQUEST)
        self.ended = False  # the far end sends no more
        self.leaving = False  # to be closed when everything is sent
        self.lingering = False  # we have shut our side; what comes is thrown away
        self.closed = False
        self.hurried = True  # what it sends must be complete in time
        self.registered = 0  # the events that the loop watches for
        self._outgoing: bytes | bytearray = b""
        self._touched = touched

    # As a peer

    def write(self, frame: bytes) -> None:
        """Send bytes, after those sent before."""
        outgoing = self._outgoing
        if outgoing and len(outgoing) + len(frame) > MAX_OUTGOING:
            self.closed = True
            self._touched[self] = None
        if self.closed or self.leaving:
            return
        if not outgoing:  # as a rule
            self._outgoing = frame
        elif isinstance(outgoing, bytearray):
            outgoing += frame
        else:
            self._outgoing = bytearray(outgoing) + frame
        self._touched[self] = None

    def hang_up(self) -> None:
        """Close, after what was sent has left."""
        self.leaving = True
        self._touched[self] = None

    # As a socket

    @property
    def pending(self) -> bool:
        """Whether bytes are still to go."""
        return bool(self._outgoing)

    @property
    def wanted(self) -> int:
        """The events to watch for."""
        read = not self.ended and len(self._outgoing) <= HIGH_WATER
        if self.ended and not self.lingering:
            return GONE | (WRITE if self._outgoing else 0)
        return (READ | END if read else 0) | (WRITE if self._outgoing else 0)

    def receive(self) -> bool:
        """Read what is there; return whether there may be more, or the end."""
        try:
            data = self.socket.recv(CHUNK)
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

    def flush_all(self) -> bool:
        """Write all, if all is well: nothing was left unsent before, and no end is near.

        Return whether that was so, and nothing else is to be done.
        """
        if self.registered != WATCHED or self.ended or self.leaving or self.closed:
            return False
        outgoing = self._outgoing
        try:
            sent = self.socket.send(outgoing)
        except OSError:
            return False  # flush() sees what it is
        if sent < len(outgoing):
            self._sent(sent)
            return False
        self._outgoing = b""
        return True

    def flush(self) -> bool:
        """Write what can be written; return whether there was progress."""
        try:
            sent = self.socket.send(self._outgoing) if self._outgoing else 0
        except (BlockingIOError, InterruptedError):
            return False
        except OSError:
            self.closed = True
            return False
        self._sent(sent)
        if self.leaving and not self._outgoing and not self.lingering:
            # Closing with unread input would reset the connection, and our reply with it.
            self.lingering = True
            with contextlib.suppress(OSError):
                self.socket.shutdown(socket.SHUT_WR)
        return sent > 0

    def _sent(self, count: int) -> None:
        if not isinstance(self._outgoing, bytearray):
            self._outgoing = bytearray(self._outgoing)
        del self._outgoing[:count]
