"""The process that makes a job's boards: started once, it forks them.

A fresh Python for each board would take tens of milliseconds and megabytes;
a fork takes a few. It ends when the lab closes its end of the socket, which a
lab that is killed does too; and no board outlives it.
"""

from __future__ import annotations

import gc
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .confinement import syscalls
from .confinement.confinement import kill_descendants
from .confinement.refusals import Unavailable
from .simulated_board import Board

if TYPE_CHECKING:
    from .confinement.confinement import Confinement

_MESSAGE = 1 << 20
_END_WAIT = 5.0  # seconds for the boards to clean up after themselves


class Factory:
    """Answers the lab on `control`: first `start`, then `add` for each board."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._confinement: Confinement | None = None
        self._boards: list[int] = []

    def run(self) -> None:
        """Serve until the lab is gone."""
        while True:
            try:
                data, descriptors, _, _ = socket.recv_fds(self._control, _MESSAGE, 1)
            except ConnectionResetError:
                data, descriptors = b"", []
            if not data:
                break
            request = json.loads(data)
            if request["do"] == "start":
                self._answer(self._start(request["directory"], request["ways"]))
            else:
                self._add(request, socket.socket(fileno=descriptors[0]))
        self._end()

    def _start(self, directory: str, ways: list[str]) -> dict[str, Any]:
        """Choose the first way of confinement that the kernel does not refuse, by trying."""
        refused = {}
        for way in ways:
            confinement = make(way, Path(directory))
            try:
                lacks = confinement.start()
            except Unavailable as why:
                refused[way] = str(why)
            except (OSError, RuntimeError, subprocess.SubprocessError) as error:
                return {"failed": f"{way}: {error}"}
            else:
                self._confinement = confinement
                gc.freeze()  # what boards share stays shared
                return {"confinement": way, "refused": refused, "lacks": lacks}
        return {"refused": refused}

    def _add(self, request: dict[str, Any], control: socket.socket) -> None:
        confinement = self._confinement
        if confinement is None:
            raise RuntimeError("no confinement was chosen")
        child = os.fork()
        if child:
            control.close()
            self._boards.append(child)
            return
        status = 1
        try:
            syscalls.die_with_parent(signal.SIGKILL)
            self._control.close()
            Board(request, control, confinement).run()
            status = 0
        except BaseException:  # noqa: BLE001 - the end of a process
            traceback.print_exc()
            sys.stderr.flush()
        finally:
            os._exit(status)

    def _end(self) -> None:
        """Wait for the boards, whose lab is gone too; then end what is left."""
        end = time.monotonic() + _END_WAIT
        for board in self._boards:
            descriptor = os.pidfd_open(board)
            poll = select.poll()
            poll.register(descriptor, select.POLLIN)
            poll.poll(max(0.0, end - time.monotonic()) * 1000)
            os.close(descriptor)
        kill_descendants()

    def _answer(self, reply: dict[str, Any]) -> None:
        self._control.sendall(json.dumps(reply).encode())


def make(way: str, directory: Path) -> Confinement:
    """Return the confinement of that name."""
    if way == "namespaces":
        from .confinement.namespaces import Namespaces

        return Namespaces(directory)
    if way == "chroot":
        from .confinement.chroot import Chroot

        return Chroot(directory)
    from .confinement.unconfined import Unconfined

    return Unconfined(directory)


def main(arguments: list[str]) -> int:
    """Serve the socket that is inherited under the number given."""
    syscalls.adopt_orphans()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with socket.socket(fileno=int(arguments[0])) as control:
        control.set_inheritable(False)
        Factory(control).run()
    return 0
