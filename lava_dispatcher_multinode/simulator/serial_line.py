"""The serial line of a board, and the switch on its power supply.

All waiting of a board process happens here, so that a cut of the power ends it
wherever it is, as it does a board: `PowerCut` comes out of the call.
"""

from __future__ import annotations

import errno
import json
import os
import select
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterable

    from .fault_injection import Mischief

#: Seconds after which what nobody reads is lost, as on any unread serial line.
UNREAD = 30.0
CHUNK = 4096


class PowerCut(Exception):
    """The power was switched off."""


class LabGone(Exception):
    """The lab that made this board has ended: so must the board."""


class Wire:
    """The board's end of the console, `master`, and of the `control` socket."""

    def __init__(self, master: int, control: socket.socket, mischief: Mischief) -> None:
        self.master = master
        self.mischief = mischief
        self.powered = False
        self.kernel_since: float | None = None  # when printk started; None: no kernel runs
        self.hosts: dict[str, str] = {}
        self._control = control
        self._unread = False
        os.set_blocking(master, False)

    def wait(
        self, timeout: float | None, reads: Iterable[int] = (), writes: Iterable[int] = ()
    ) -> set[int]:
        """Wait for descriptors, `timeout` seconds at the most; return those that are ready."""
        poll = select.poll()
        poll.register(self._control, select.POLLIN)
        wanted: dict[int, int] = {}
        for descriptor in reads:
            wanted[descriptor] = select.POLLIN
        for descriptor in writes:
            wanted[descriptor] = wanted.get(descriptor, 0) | select.POLLOUT
        for descriptor, events in wanted.items():
            poll.register(descriptor, events)
        ready = {fd for fd, _ in poll.poll(None if timeout is None else max(0, timeout * 1000))}
        if self._control.fileno() in ready:
            ready.discard(self._control.fileno())
            self._obey()
        return ready

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.wait(left)

    def forever(self) -> None:
        """Do nothing until the power is cut."""
        while True:
            self.wait(None, (self.master,))
            self.discard()

    def discard(self) -> None:
        """Lose what has been typed."""
        while self._read():
            pass

    def receive(self, timeout: float | None) -> bytes:
        """Return what was typed, b"" after `timeout` seconds without anything."""
        end = None if timeout is None else time.monotonic() + timeout
        while True:
            left = None if end is None else end - time.monotonic()
            if left is not None and left < 0:
                left = 0.0
            if self.master in self.wait(left, (self.master,)) and (data := self.typed()):
                return data
            if left == 0.0:
                return b""

    def typed(self) -> bytes:
        """Return what has been typed and has come through; b"" if nothing."""
        return self.mischief.incoming(self._read(self.mischief.burst))

    def send(self, data: bytes) -> None:
        """Print `data`, at the speed and with the faults of this line."""
        for part, event in self.mischief.watch(data):
            self._transmit(self.mischief.outgoing(part, self.kernel_since))
            if event is not None:
                event.happen()

    def text(self, text: str) -> None:
        """Print lines as firmware does: CR LF for each newline."""
        self.send(text.replace("\n", "\r\n").encode("latin-1", "replace"))

    def answer(self, reply: dict[str, Any]) -> None:
        """Answer the lab's last request."""
        try:
            self._control.sendall(json.dumps(reply).encode() + b"\n")
        except OSError as error:
            raise LabGone from error

    def off(self) -> None:
        """Answer that the power is off, and what has not happened until then."""
        self.answer({"off": True, "pending": self.mischief.pending()})

    def _obey(self) -> None:
        """Do what the lab asks: switch the power."""
        try:
            request = self._control.recv(1 << 20)  # SEQPACKET: one request
        except OSError as error:
            raise LabGone from error
        if not request:
            raise LabGone
        message = json.loads(request)
        if message["do"] == "on":
            self.hosts = message["hosts"]
            self.powered = self.powered or self.mischief.power != "dead"
            self.discard()
            self.answer({})
        elif self.powered and self.mischief.power != "stuck":
            self.powered = False
            raise PowerCut
        elif self.powered:
            # Of one whose switch is stuck the lab does not know, as with a real one.
            self.answer({})
        else:
            self.off()

    def _read(self, limit: int = CHUNK) -> bytes:
        try:
            return os.read(self.master, limit)
        except BlockingIOError:
            return b""
        except OSError as error:
            if error.errno == errno.EIO:  # nobody has the other end open
                return b""
            raise

    def _transmit(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            part = view[: self.mischief.burst]
            sent = self._write(part)
            self.sleep(self.mischief.seconds_for(sent))
            view = view[sent:]

    def _write(self, part: memoryview) -> int:
        """Write some of `part`; what nobody reads is gone, and counts as written."""
        end = time.monotonic() + (0.0 if self._unread else UNREAD)
        while True:
            try:
                sent = os.write(self.master, part)
            except BlockingIOError:
                left = end - time.monotonic()
                if left <= 0:
                    self._unread = True
                    return len(part)
                self.wait(left, (), (self.master,))
            else:
                self._unread = False
                return sent
