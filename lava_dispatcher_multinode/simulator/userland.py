"""From init's start to its end: bytes between the serial line and the board's terminal."""

from __future__ import annotations

import contextlib
import os
import pty
import select
import signal
import socket
import time
from typing import TYPE_CHECKING

from . import init_process
from .fault_injection import Crash, Hang
from .kernel import Restart

if TYPE_CHECKING:
    from .confinement.confinement import Confinement, Site
    from .kernel import Kernel
    from .serial_line import Wire

CHUNK = 4096


class Userland:
    """What runs on the board after the kernel; `close` ends it all."""

    def __init__(self, wire: Wire, kernel: Kernel, confinement: Confinement, site: Site) -> None:
        self._wire, self._kernel = wire, kernel
        self._confinement = confinement
        self._site = site
        # The slave stays open here: without an opener the master would always be ready.
        self._terminal, self._slave = pty.openpty()
        os.set_blocking(self._terminal, False)
        self._to_board = b""
        self._shell_since: float | None = None
        self._pid = self._process = -1
        self._events, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            init_process.sane(self._slave)
            self._pid = confinement.spawn(site, self._slave, theirs)
            self._process = os.pidfd_open(self._pid)
        finally:
            theirs.close()

    def run(self) -> None:
        """Carry bytes until Linux ends: raises what comes then."""
        self._events.send(b"go")
        wire = self._wire
        printk_at = time.monotonic()
        while True:
            self._wait()
            if self._shell_since is not None:
                wire.mischief.due(time.monotonic() - self._shell_since)
            every = wire.mischief.printk_every
            if every and self._kernel.console and time.monotonic() - printk_at >= every:
                printk_at = time.monotonic()
                wire.send(wire.mischief.message(self._kernel.wire.kernel_since or printk_at))

    def close(self) -> None:
        """End every process of the board; return when they are gone."""
        if self._pid > 0:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(self._pid, 0)
            self._confinement.sweep(self._pid)
            self._pid = -1
        if self._process >= 0:
            os.close(self._process)
            self._process = -1
        if self._terminal >= 0:
            os.close(self._terminal)
            os.close(self._slave)
            self._terminal = -1
            self._events.close()

    def _wait(self) -> None:
        wire = self._wire
        reads = [self._terminal, self._events.fileno(), self._process]
        writes = []
        if self._to_board:
            writes.append(self._terminal)
        else:
            reads.append(wire.master)
        ready = wire.wait(self._next_event(), reads, writes)
        if self._terminal in ready:
            self._push()
            self._pull()
        if wire.master in ready and not self._to_board:
            self._type(wire.typed())
        if self._events.fileno() in ready:
            self._notice()
        if self._process in ready:
            self._ended()

    def _next_event(self) -> float | None:
        times = []
        if self._shell_since is not None:
            due = self._wire.mischief.due(time.monotonic() - self._shell_since)
            times += [] if due is None else [due]
        if self._wire.mischief.printk_every:
            times.append(self._wire.mischief.printk_every)
        return min(times) if times else None

    def _pull(self) -> bool:
        """Print what the board's programs wrote; say whether there was anything."""
        try:
            data = os.read(self._terminal, CHUNK)
        except OSError:  # nothing there, or no program has the terminal open just now
            return False
        if self._kernel.console:
            self._wire.send(data)
        return bool(data)

    def _type(self, data: bytes) -> None:
        if self._kernel.console:  # without a console there is no login to type at
            self._to_board += data
            self._push()

    def _push(self) -> None:
        if self._to_board:
            with contextlib.suppress(BlockingIOError):
                sent = os.write(self._terminal, self._to_board)
                self._to_board = self._to_board[sent:]

    def _notice(self) -> None:
        """Take one message of init's."""
        message = self._events.recv(4096)
        if message in {b"login", b"shell"}:
            self._drain()
            if message == b"shell" and self._shell_since is None:
                self._shell_since = time.monotonic()
            self._wire.mischief.reach(message.decode())
            with contextlib.suppress(OSError):
                self._events.send(b"on")
        elif message.startswith(b"error "):
            self._kernel.log(f"init: {message[6:].decode('utf-8', 'replace')}", quiet=False)

    def _drain(self) -> None:
        while self._pull():
            pass

    def _ended(self) -> None:
        self._drain()
        poll = select.poll()
        poll.register(self._events, select.POLLIN)
        while poll.poll(0) and (message := self._events.recv(4096)):
            if message.startswith(b"error "):
                self._kernel.log(f"init: {message[6:].decode('utf-8', 'replace')}", quiet=False)
        _, status = os.waitpid(self._pid, 0)
        self._confinement.sweep(self._pid)
        self._pid = -1
        code = os.waitstatus_to_exitcode(status)
        if code == init_process.REBOOT:
            self._kernel.log("Restarting system.", quiet=False)
            raise Restart
        if code == init_process.POWEROFF:
            self._kernel.log("Power down.", quiet=False)
            raise Hang
        if code == init_process.HALT:
            self._kernel.log("System halted.", quiet=False)
            raise Hang
        raise Crash(f"Attempted to kill init! exitcode=0x{status:08x}")
