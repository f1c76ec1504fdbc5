"""One QEMU process, from power-on to power-off."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

from ..errors import PowerError
from ..polling import readable
from . import exec_with_parent

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

PROGRAM = "qemu-system-arm"
START_WAIT = 60.0  # seconds until QEMU says that it runs, on a host that is busy


class Qemu:
    """A QEMU that runs; `ended` is called with its last words if it ends by itself.

    Whatever happens to the dispatcher, it does not live longer than the thread that
    makes this object: make it in one that lasts. Raise `PowerError`.
    """

    def __init__(
        self,
        name: str,
        words: Sequence[str],
        descriptors: Sequence[int],
        log: Path,
        ended: Callable[[str], None],
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
                monitor = f"socket,id=monitor,fd={theirs.fileno()}"
                self._process = subprocess.Popen(
                    [sys.executable, "-I", "-S", exec_with_parent.__file__, str(os.getpid()),
                     PROGRAM, *words, "-chardev", monitor, "-mon", "chardev=monitor,mode=control"],
                    stdin=subprocess.DEVNULL,
                    stdout=stream,
                    stderr=stream,
                    pass_fds=(*descriptors, theirs.fileno()),
                    start_new_session=True,  # Ctrl-C is the dispatcher's
                )  # fmt: skip
            self._wait_for_greeting(ours)
        threading.Thread(
            target=self._watch, args=(ended,), name=f"qemu of {name}", daemon=True
        ).start()

    def kill(self) -> None:
        """End it as a cut of the power does; nothing of it runs when this returns."""
        self._off = True
        self._process.kill()
        self._process.wait()

    def _wait_for_greeting(self, monitor: socket.socket) -> None:
        """Wait until QEMU speaks: it has then found all that it was told to use."""
        ready = readable([monitor.fileno()], START_WAIT)
        if ready and monitor.recv(1 << 16):
            return
        self.kill()
        if ready:
            raise PowerError(f"{self._name}: {PROGRAM} did not start{self._last_words()}")
        raise PowerError(f"{self._name}: {PROGRAM} has said nothing for {START_WAIT:g} s")

    def _watch(self, ended: Callable[[str], None]) -> None:
        code = self._process.wait()
        if not self._off and code:
            ended(f"{PROGRAM} ended ({_how(code)}){self._last_words()}")

    def _last_words(self) -> str:
        text = self._log.read_text(encoding="utf-8", errors="replace").strip()
        return f": {text.splitlines()[-1][-300:]}" if text else ""


def _how(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"
