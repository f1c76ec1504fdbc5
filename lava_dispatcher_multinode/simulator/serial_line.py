"""The serial line of a simulated board, and its power switch.

A board process waits only here. A power cut therefore ends it wherever it is:
the waiting call raises `PowerCut`.
"""

from __future__ import annotations

import errno
import json
import os
import select
import time
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    import socket
    from collections.abc import Collection

    from .faults import FaultInjector

UNREAD_TIMEOUT_S = 30.0  # output that is not read for so long is lost, as on a real line
READ_BYTES = 4096


class PowerCut(Exception):
    """The power was switched off."""


class LabGone(Exception):
    """The lab has ended, and so must the board."""


class SerialLine:
    """The board's end of the console (`master`) and of the lab's `control` socket."""

    def __init__(self, master: int, control: socket.socket, faults: FaultInjector) -> None:
        self.master = master
        self.faults = faults
        self.powered = False
        self.kernel_since: float | None = None  # start of printk (monotonic); None: no kernel
        self.hosts: dict[str, str] = {}  # addresses of all boards by name
        self._control = control
        self._unread = False
        os.set_blocking(master, False)

    def wait(
        self, timeout: float | None, reads: Collection[int] = (), writes: Collection[int] = ()
    ) -> set[int]:
        """Wait up to `timeout` seconds (None: forever); return the descriptors that are ready."""
        poll = select.poll()
        poll.register(self._control, select.POLLIN)
        for descriptor in {*reads, *writes}:
            events = select.POLLIN if descriptor in reads else 0
            poll.register(descriptor, events | (select.POLLOUT if descriptor in writes else 0))
        ready = {fd for fd, _ in poll.poll(None if timeout is None else max(0, timeout * 1000))}
        if self._control.fileno() in ready:
            ready.discard(self._control.fileno())
            self._handle_request()
        return ready

    def sleep(self, seconds: float) -> None:
        """Wait for `seconds`."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.wait(left)

    def wait_for_power_cut(self) -> NoReturn:
        """Discard input until the power is cut."""
        while True:
            self.wait(None, (self.master,))
            self.discard_input()

    def discard_input(self) -> None:
        """Drop all typed bytes."""
        while self._read():
            pass

    def receive(self, timeout: float | None) -> bytes:
        """Return typed bytes; b"" after `timeout` seconds without any."""
        end = None if timeout is None else time.monotonic() + timeout
        while True:
            left = None if end is None else max(0.0, end - time.monotonic())
            if self.master in self.wait(left, (self.master,)) and (data := self.read_typed()):
                return data
            if left == 0.0:
                return b""

    def read_typed(self) -> bytes:
        """Return the typed bytes that are there and have passed the faults; b"" if none."""
        return self.faults.distort_input(self._read(self.faults.burst))

    def write(self, data: bytes) -> None:
        """Print `data` at the speed and with the faults of this line."""
        for part, fault in self.faults.split_at_triggers(data):
            self._transmit(self.faults.distort_output(part, self.kernel_since))
            if fault is not None:
                raise fault

    def write_text(self, text: str) -> None:
        """Print text with CR LF for each newline, as firmware does."""
        self.write(text.replace("\n", "\r\n").encode("latin-1", "replace"))

    def send_reply(self, reply: dict[str, Any]) -> None:
        """Reply to the last request of the lab; raise `LabGone`."""
        try:
            self._control.sendall(json.dumps(reply).encode() + b"\n")
        except OSError as error:
            raise LabGone from error

    def confirm_power_off(self) -> None:
        """Reply that the power is off, with the faults that were not triggered."""
        self.send_reply({"off": True, "pending": self.faults.pending()})

    def _handle_request(self) -> None:
        """Switch the power as the lab requests; raise `PowerCut` or `LabGone`."""
        try:
            request = self._control.recv(1 << 20)  # SEQPACKET: one request
        except OSError as error:
            raise LabGone from error
        if not request:
            raise LabGone
        message = json.loads(request)
        if message["do"] == "on":
            self.hosts = message["hosts"]
            self.powered = self.powered or self.faults.power != "dead"
            self.discard_input()
            self.send_reply({})
        elif self.powered and self.faults.power != "stuck":
            self.powered = False
            raise PowerCut
        elif self.powered:
            # The lab cannot see that the switch is stuck, as with real power control.
            self.send_reply({})
        else:
            self.confirm_power_off()

    def _read(self, limit: int = READ_BYTES) -> bytes:
        try:
            return os.read(self.master, limit)
        except BlockingIOError:
            return b""
        except OSError as error:
            if error.errno == errno.EIO:  # the other end is closed
                return b""
            raise

    def _transmit(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            part = view[: self.faults.burst]
            sent = self._write_part(part)
            self.sleep(self.faults.transmission_time(sent))
            view = view[sent:]

    def _write_part(self, part: memoryview) -> int:
        """Write some of `part`; return the bytes written, lost ones included."""
        end = time.monotonic() + (0.0 if self._unread else UNREAD_TIMEOUT_S)
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
