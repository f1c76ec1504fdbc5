"""The programs of a simulated board, and the bytes between them and the serial line."""

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
from .confinement.confinement import kill_descendants
from .faults import Crash, Hang
from .kernel import Restart

if TYPE_CHECKING:
    from .confinement.confinement import ConfinedBoard, Confinement
    from .kernel import Kernel
    from .serial_line import SerialLine

READ_BYTES = 4096


class Userland:
    """The processes of one run of Linux; `close` ends them."""

    def __init__(
        self, serial: SerialLine, kernel: Kernel, confinement: Confinement, board: ConfinedBoard
    ) -> None:
        self._serial, self._kernel = serial, kernel
        # The slave stays open here: without it, poll() reports the master as always ready.
        self._terminal, self._slave = pty.openpty()
        os.set_blocking(self._terminal, False)
        self._to_board = b""
        self._shell_since: float | None = None
        self._pid = self._process = -1
        self._events, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            init_process.reset_terminal(self._slave)
            self._pid = confinement.spawn(board, self._slave, theirs)
            self._process = os.pidfd_open(self._pid)
        finally:
            theirs.close()

    def run(self) -> None:
        """Copy bytes until Linux ends; raise `Restart`, `Hang`, `Crash` or a fault."""
        self._events.send(b"go")
        serial = self._serial
        printk_at = time.monotonic()
        while True:
            self._wait()
            if self._shell_since is not None:
                serial.faults.check_timers(time.monotonic() - self._shell_since)
            every = serial.faults.printk_every
            if every and self._kernel.console and time.monotonic() - printk_at >= every:
                printk_at = time.monotonic()
                serial.write(serial.faults.kernel_message(serial.kernel_since or printk_at))

    def close(self) -> None:
        """Kill every process of the board and wait for their end."""
        if self._pid > 0:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(self._pid, 0)
            kill_descendants()
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
        serial = self._serial
        reads = [self._terminal, self._events.fileno(), self._process]
        writes = []
        if self._to_board:
            writes.append(self._terminal)
        else:
            reads.append(serial.master)
        ready = serial.wait(self._next_timeout(), reads, writes)
        if self._terminal in ready:
            self._flush_typed()
            self._copy_output()
        if serial.master in ready and not self._to_board:
            self._send_typed(serial.read_typed())
        if self._events.fileno() in ready:
            self._handle_message()
        if self._process in ready:
            self._handle_exit()

    def _next_timeout(self) -> float | None:
        times = []
        if self._shell_since is not None:
            due = self._serial.faults.check_timers(time.monotonic() - self._shell_since)
            times += [] if due is None else [due]
        if self._serial.faults.printk_every:
            times.append(self._serial.faults.printk_every)
        return min(times) if times else None

    def _copy_output(self) -> bool:
        """Print what the programs wrote; return False if they wrote nothing."""
        try:
            data = os.read(self._terminal, READ_BYTES)
        except OSError:  # no output, or no program has the terminal open
            return False
        if self._kernel.console:
            self._serial.write(data)
        return bool(data)

    def _send_typed(self, data: bytes) -> None:
        if self._kernel.console:  # without a console there is no login
            self._to_board += data
            self._flush_typed()

    def _flush_typed(self) -> None:
        if self._to_board:
            with contextlib.suppress(BlockingIOError):
                sent = os.write(self._terminal, self._to_board)
                self._to_board = self._to_board[sent:]

    def _handle_message(self) -> None:
        """Handle one message from init."""
        message = self._events.recv(4096)
        if message in {b"login", b"shell"}:
            self._drain_output()
            if message == b"shell" and self._shell_since is None:
                self._shell_since = time.monotonic()
            self._serial.faults.checkpoint(message.decode())
            with contextlib.suppress(OSError):
                self._events.send(b"on")
        else:
            self._log_error(message)

    def _log_error(self, message: bytes) -> None:
        if message.startswith(b"error "):
            self._kernel.log(f"init: {message[6:].decode('utf-8', 'replace')}")

    def _drain_output(self) -> None:
        while self._copy_output():
            pass

    def _handle_exit(self) -> None:
        self._drain_output()
        poll = select.poll()
        poll.register(self._events, select.POLLIN)
        while poll.poll(0) and (message := self._events.recv(4096)):
            self._log_error(message)
        _, status = os.waitpid(self._pid, 0)
        kill_descendants()
        self._pid = -1
        code = os.waitstatus_to_exitcode(status)
        if code == init_process.REBOOT:
            self._kernel.log("Restarting system.")
            raise Restart
        if code == init_process.POWEROFF:
            self._kernel.log("Power down.")
            raise Hang
        if code == init_process.HALT:
            self._kernel.log("System halted.")
            raise Hang
        raise Crash(f"Attempted to kill init! exitcode=0x{status:08x}")
