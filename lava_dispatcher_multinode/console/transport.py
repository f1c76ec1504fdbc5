"""The interface between a console and its connection, and the common implementation."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import threading
import time
from enum import Enum
from typing import TYPE_CHECKING, Protocol

from ..errors import ConsoleError, ConsoleTaken

if TYPE_CHECKING:
    from collections.abc import Callable

#: A far end that accepts no byte for this long counts as broken.
WRITE_TIMEOUT_S = 30.0
READ_BYTES = 65536
#: After a read of this size more may be pending: a pty delivers 4 kB at a time.
MORE_LIKELY_BYTES = 2048


class LinkLost(ConsoleError):
    """The connection is lost; `unsent` is the unsent rest of a write."""

    def __init__(self, text: str, unsent: bytes = b"") -> None:
        self.unsent = unsent
        super().__init__(text)


class ConsoleAbsent(LinkLost):
    """The device or the host of the console is not there; it may be without power."""

    def __init__(self, text: str, *, name: str) -> None:
        self.name = name  # that of the transport
        super().__init__(text)


class BoardPower(Enum):
    """The state of a board whose power this process switches: it may power its console, too."""

    OFF = "off"
    RISING = "rising"  # the command that switches it on runs
    ON = "on"


#: The refusal of ser2net (also in labgrid's exporter) for a port that has its clients.
IN_USE = "Port already in use"
REFUSAL_TIMEOUT_S = 0.3  # for the server to send it


def port_taken(name: str) -> ConsoleTaken:
    """Return the error for a server's answer `IN_USE`."""
    return ConsoleTaken(
        f"{name}: another client holds the port ('{IN_USE}') and possibly the board: "
        "its power is not switched"
    )


class Transport(Protocol):
    """Bytes to and from one board; one thread reads, any thread writes."""

    name: str  # for messages: "panda01: console /dev/ttyUSB0"

    def read(self) -> bytes:
        """Block for at least one byte; b"" after `close`, ConsoleError for a lost connection."""

    def write(self, data: bytes) -> None:
        """Send all of `data`; ConsoleError if the connection is lost or blocked."""

    def close(self) -> None:
        """End a `read` and a `write` in progress; may be called twice."""

    def release(self) -> None:
        """Free the connection; called when no thread reads any more."""


class DescriptorTransport:
    """A transport over one non-blocking file descriptor: a tty, a pty or a socket.

    `hint` is for the error of a lost connection.
    """

    def __init__(
        self,
        descriptor: int,
        name: str,
        *,
        hint: str = "",
        on_close: Callable[[], object] = lambda: None,
    ) -> None:
        os.set_blocking(descriptor, False)
        self.name = name
        self._descriptor = descriptor
        self._hint = f": {hint}" if hint else ""
        self._on_close = on_close
        # Closing a descriptor does not end the poll of another thread; a byte here does.
        self._woken, self._waker = socket.socketpair()
        self._closed = False
        self._writing = threading.Lock()
        self._poller = select.poll()
        self._poller.register(descriptor, select.POLLIN)
        self._poller.register(self._woken, select.POLLIN)

    def fileno(self) -> int:
        """Return the descriptor."""
        return self._descriptor

    def read(self, timeout: float | None = None) -> bytes:
        """Block for at least one byte; b"" after `close`, and after `timeout` seconds."""
        while not self._closed:
            ready = self._poller.poll(None if timeout is None else max(0.0, timeout) * 1000)
            if self._closed or not ready:
                break
            try:
                data = os.read(self._descriptor, READ_BYTES)
            except BlockingIOError:
                continue
            except OSError as error:  # EIO: the other end of the pty is closed
                text = f"{self.name}: the connection is lost ({error.strerror}){self._hint}"
                raise LinkLost(text) from error
            if not data:
                raise LinkLost(f"{self.name}: the far end closed the connection{self._hint}")
            return data if len(data) < MORE_LIKELY_BYTES else self._with_more(data)
        return b""

    def _with_more(self, data: bytes) -> bytes:
        """Return `data` and pending output: few large pieces cost less than many small ones."""
        pieces, size = [data], len(data)
        # The next read reports an end or an error again.
        with contextlib.suppress(OSError):
            while size < READ_BYTES and (piece := os.read(self._descriptor, READ_BYTES - size)):
                pieces.append(piece)
                size += len(piece)
        return b"".join(pieces)

    def write(self, data: bytes) -> None:
        """Send all of `data`, waiting for the far end to accept it."""
        with self._writing:
            view = memoryview(data)
            deadline = time.monotonic() + WRITE_TIMEOUT_S
            while view:
                if self._closed:
                    raise LinkLost(f"{self.name}: is closed", bytes(view))
                count = self._write_some(view)
                if count:
                    view = view[count:]
                    deadline = time.monotonic() + WRITE_TIMEOUT_S
                elif (left := deadline - time.monotonic()) > 0:
                    self._wait_until_writable(left)
                else:
                    raise ConsoleError(
                        f"{self.name}: no input accepted for {WRITE_TIMEOUT_S:.0f} s: "
                        "check the flow control"
                    )

    def _write_some(self, view: memoryview) -> int:
        try:
            return os.write(self._descriptor, view)
        except BlockingIOError:
            return 0
        except OSError as error:
            text = f"{self.name}: cannot write: {error.strerror}{self._hint}"
            raise LinkLost(text, bytes(view)) from error

    def _wait_until_writable(self, seconds: float) -> None:
        poller = select.poll()
        poller.register(self._descriptor, select.POLLOUT)
        poller.register(self._woken, select.POLLIN)
        poller.poll(seconds * 1000)

    def close(self) -> None:
        """End a `read` and a `write` in progress; the descriptor is freed by `release`."""
        if not self._closed:
            self._closed = True
            with contextlib.suppress(OSError):
                self._waker.send(b"x")

    def release(self) -> None:
        """Free the descriptor; call it when no thread reads any more.

        It waits for a writer, which might otherwise write to a reused descriptor.
        """
        self.close()
        with self._writing:
            if self._descriptor >= 0:
                descriptor, self._descriptor = self._descriptor, -1
                self._woken.close()
                self._waker.close()
                os.close(descriptor)
                self._on_close()
