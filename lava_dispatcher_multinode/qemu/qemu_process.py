"""A QEMU process, which runs from power-on to power-off."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

from ..errors import PowerError
from ..polling import wait_readable
from . import exec_with_parent
from .machines import PACKAGES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

START_TIMEOUT_S = 60.0  # until the greeting of QEMU, on a busy host


class QemuProcess:
    """A running QEMU; `on_exit` gets the reason if it fails by itself.

    It ends with the thread that makes this object, even if the dispatcher is killed.
    Raise `PowerError`.
    """

    def __init__(
        self,
        name: str,
        program: str,
        arguments: Sequence[str],
        descriptors: Sequence[int],
        log: Path,
        on_exit: Callable[[str], None],
    ) -> None:
        self._name = name
        self._log = log
        self._off = False
        self._program = program
        if shutil.which(program) is None:
            raise PowerError(
                f"{name}: an emulated board needs {program}: apt-get install {PACKAGES[program]}"
            )
        ours, theirs = socket.socketpair()
        with ours:
            with theirs, log.open("ab") as stream:
                monitor = ["-chardev", f"socket,id=monitor,fd={theirs.fileno()}",
                           "-mon", "chardev=monitor,mode=control"]  # fmt: skip
                self._process = subprocess.Popen(
                    [sys.executable, "-I", "-S", exec_with_parent.__file__, str(os.getpid()),
                     program, *arguments, *monitor],
                    stdin=subprocess.DEVNULL,
                    stdout=stream,
                    stderr=stream,
                    pass_fds=(*descriptors, theirs.fileno()),
                    start_new_session=True,  # Ctrl-C is for the dispatcher alone
                )  # fmt: skip
            self._wait_for_greeting(ours)
        threading.Thread(
            target=self._watch, args=(on_exit,), name=f"qemu of {name}", daemon=True
        ).start()

    def kill(self) -> None:
        """Kill it, as a power cut does, and wait for its end."""
        self._off = True
        self._process.kill()
        self._process.wait()

    def _wait_for_greeting(self, monitor: socket.socket) -> None:
        """Wait for the greeting on the monitor, by which QEMU has opened all devices."""
        ready = wait_readable([monitor.fileno()], START_TIMEOUT_S)
        if ready and monitor.recv(1 << 16):
            return
        self.kill()
        if ready:
            raise PowerError(f"{self._name}: {self._program} did not start{self._last_log_line()}")
        limit = f"within {START_TIMEOUT_S:g} s"
        raise PowerError(f"{self._name}: {self._program} did not start {limit}")

    def _watch(self, on_exit: Callable[[str], None]) -> None:
        code = self._process.wait()
        if not self._off and code:
            on_exit(f"{self._program} ended ({_describe_exit(code)}){self._last_log_line()}")

    def _last_log_line(self) -> str:
        text = self._log.read_text(encoding="utf-8", errors="replace").strip()
        return f": {text.splitlines()[-1][-300:]}" if text else ""


def _describe_exit(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"
