"""The spawner: one process per job that forks the board processes.

A new Python per board would take tens of milliseconds and megabytes; a fork
takes a few. The spawner ends when the lab closes its end of the socket, which
also happens when the lab is killed. No board outlives it.
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

from .board_process import BoardProcess
from .confinement import syscalls
from .confinement.chroot import Chroot
from .confinement.confinement import kill_descendants
from .confinement.namespaces import Namespaces
from .confinement.refusals import ConfinementRefused
from .confinement.unconfined import Unconfined

if TYPE_CHECKING:
    from collections.abc import Callable

    from .confinement.confinement import Confinement

_CONFINEMENTS: dict[str, Callable[[Path], Confinement]] = {
    kind.name: kind for kind in (Namespaces, Chroot, Unconfined)
}
_MAX_REQUEST_BYTES = 1 << 20
_CLEANUP_TIMEOUT_S = 5.0  # for the boards to clean up after themselves


class Spawner:
    """Serves the requests of the lab on `control`: `start`, then `add` for each board."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._confinement: Confinement | None = None
        self._boards: list[int] = []

    def run(self) -> None:
        """Serve until the lab ends, then end the boards."""
        while True:
            try:
                data, descriptors, _, _ = socket.recv_fds(self._control, _MAX_REQUEST_BYTES, 1)
            except ConnectionResetError:
                data, descriptors = b"", []
            if not data:
                break
            request = json.loads(data)
            if request["do"] == "start":
                self._send_reply(self._start(request["directory"], request["ways"]))
            else:
                self._fork_board(request, socket.socket(fileno=descriptors[0]))
        self._end_boards()

    def _start(self, directory: str, ways: list[str]) -> dict[str, Any]:
        """Try the confinements in order; keep the first that the kernel does not refuse."""
        refused = {}
        for way in ways:
            confinement = _CONFINEMENTS[way](Path(directory))
            try:
                lacks = confinement.start()
            except ConfinementRefused as why:
                refused[way] = str(why)
            except (OSError, RuntimeError, subprocess.SubprocessError) as error:
                return {"failed": f"{way}: {error}"}
            else:
                self._confinement = confinement
                gc.freeze()  # keeps the pages shared that the boards inherit
                return {"confinement": way, "refused": refused, "lacks": lacks}
        return {"refused": refused}

    def _fork_board(self, request: dict[str, Any], control: socket.socket) -> None:
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
            BoardProcess(request, control, confinement).run()
            status = 0
        except BaseException:  # noqa: BLE001 - the process ends here
            traceback.print_exc()
            sys.stderr.flush()
        finally:
            os._exit(status)

    def _end_boards(self) -> None:
        """Wait for the boards, which see the end of the lab too; then kill the rest."""
        end = time.monotonic() + _CLEANUP_TIMEOUT_S
        for board in self._boards:
            descriptor = os.pidfd_open(board)
            poll = select.poll()
            poll.register(descriptor, select.POLLIN)
            poll.poll(max(0.0, end - time.monotonic()) * 1000)
            os.close(descriptor)
        kill_descendants()

    def _send_reply(self, reply: dict[str, Any]) -> None:
        self._control.sendall(json.dumps(reply).encode())


def main(arguments: list[str]) -> int:
    """Serve the inherited socket whose descriptor is the only argument."""
    syscalls.adopt_orphans()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with socket.socket(fileno=int(arguments[0])) as control:
        control.set_inheritable(False)
        Spawner(control).run()
    return 0
