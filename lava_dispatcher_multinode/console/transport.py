"""The seam between a console and what carries its bytes."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import time
from typing import TYPE_CHECKING, Protocol

from ..errors import ConsoleError

if TYPE_CHECKING:
    from collections.abc import Callable

#: Seconds that a far end may refuse to take a byte before the console counts as broken.
WRITE_STALL = 30.0
READ_SIZE = 65536


class Transport(Protocol):
    """Bytes to and from one board; one thread reads, any thread writes."""

    name: str  # for messages: "serial:/dev/ttyUSB0"

    def read(self) -> bytes:
        """Block for at least one byte; b"" after `close`; ConsoleError if the far end is gone."""

    def write(self, data: bytes) -> None:
        """Send all of `data`; ConsoleError when the far end is gone or takes nothing."""

    def close(self) -> None:
        """End a `read` in progress; may be called twice."""

    def release(self) -> None:
        """Let go of the far end; called once no thread reads any more."""


class DescriptorTransport:
    """A transport over one non-blocking file descriptor: a tty, a pty, a socket."""

    def __init__(
        self, descriptor: int, name: str, *, on_close: Callable[[], object] = lambda: None
    ) -> None:
        os.set_blocking(descriptor, False)
        self.name = name
        self._descriptor = descriptor
        self._on_close = on_close
        # Closing a descriptor does not end another thread's poll; a byte here does.
        self._woken, self._waker = socket.socketpair()
        self._closed = False

    def read(self) -> bytes:
        """Block for at least one byte; b"" after `close`."""
        poller = select.poll()
        poller.register(self._descriptor, select.POLLIN)
        poller.register(self._woken, select.POLLIN)
        while not self._closed:
            poller.poll()
            if self._closed:
                break
            try:
                data = os.read(self._descriptor, READ_SIZE)
            except BlockingIOError:
                continue
            except OSError as error:  # EIO: nobody holds the other side of the pty
                reason = error.strerror
                raise ConsoleError(f"{self.name}: the far end is gone ({reason})") from error
            if not data:
                raise ConsoleError(f"{self.name}: the far end closed the connection")
            return data
        return b""

    def write(self, data: bytes) -> None:
        """Send all of `data`, waiting for the far end to take it."""
        view = memoryview(data)
        deadline = time.monotonic() + WRITE_STALL
        poller = select.poll()
        poller.register(self._descriptor, select.POLLOUT)
        while view:
            try:
                count = os.write(self._descriptor, view)
            except BlockingIOError:
                count = 0
            except OSError as error:
                raise ConsoleError(f"{self.name}: cannot write: {error.strerror}") from error
            if count:
                view = view[count:]
                deadline = time.monotonic() + WRITE_STALL
                continue
            left = deadline - time.monotonic()
            if left <= 0 or self._closed:
                raise ConsoleError(
                    f"{self.name}: takes no input for {WRITE_STALL:.0f} s: check the flow control"
                )
            poller.poll(left * 1000)

    def close(self) -> None:
        """End a `read` in progress; the descriptor is freed by `release`."""
        if not self._closed:
            self._closed = True
            with contextlib.suppress(OSError):
                self._waker.send(b"x")

    def release(self) -> None:
        """Free the descriptor; call it when no thread reads any more."""
        self.close()
        if self._descriptor >= 0:
            descriptor, self._descriptor = self._descriptor, -1
            self._woken.close()
            self._waker.close()
            os.close(descriptor)
            self._on_close()
