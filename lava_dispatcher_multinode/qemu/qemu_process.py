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

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

PROGRAM = "qemu-system-arm"
START_TIMEOUT_S = 60.0  # until the greeting of QEMU, on a busy host


class QemuProcess:
    """A running QEMU; `on_exit` gets the reason if it fails by itself.

    It ends with the thread that makes this object, even if the dispatcher is killed.
    Raise `PowerError`.
    """

    def __init__(
        self,
        name: str,
        arguments: Sequence[str],
        descriptors: Sequence[int],
        log: Path,
        on_exit: Callable[[str], None],
    ) -> None:
        self._name = name
        self._log = log
        self._off = False
        if shutil.which(PROGRAM) is None:
            raise PowerError(
                f"{name}: an emulated board needs {PROGRAM}: "
                "apt-get install qemu-system-arm u-boot-qemu"
            )
        ours, theirs = socket.socketpair()
        with ours:
            with theirs, log.open("ab") as stream:
                monitor = ["-chardev", f"socket,id=monitor,fd={theirs.fileno()}",
                           "-mon", "chardev=monitor,mode=control"]  # fmt: skip
                self._process = subprocess.Popen(
                    [sys.executable, "-I", "-S", exec_with_parent.__file__, str(os.getpid()),
                     PROGRAM, *arguments, *monitor],
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
            raise PowerError(f"{self._name}: {PROGRAM} did not start{self._last_log_line()}")
        raise PowerError(f"{self._name}: {PROGRAM} did not start within {START_TIMEOUT_S:g} s")

    def _watch(self, on_exit: Callable[[str], None]) -> None:
        code = self._process.wait()
        if not self._off and code:
            on_exit(f"{PROGRAM} ended ({_describe_exit(code)}){self._last_log_line()}")

    def _last_log_line(self) -> str:
        text = self._log.read_text(encoding="utf-8", errors="replace").strip()
        return f": {text.splitlines()[-1][-300:]}" if text else ""


def _describe_exit(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"
