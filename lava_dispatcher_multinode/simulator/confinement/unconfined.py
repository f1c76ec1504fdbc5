"""Boards as ordinary processes of the user, only on explicit request.

A board has a directory for its home and temporary files, but can access all others.
/etc/hosts is that of the host, so that board names do not resolve. /lava-<job id> is
below the directory of the board, which programs find in LAVA_BOARD_ROOT.
"""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

from .. import init_process
from . import confinement, rootfs, syscalls

if TYPE_CHECKING:
    import socket
    from pathlib import Path

    from .confinement import ConfinedBoard


class Unconfined:
    """A `confinement.Confinement` without any restriction."""

    name = "unconfined"

    def __init__(self, directory: Path) -> None:
        self._directory = directory / "unconfined"
        self._generation: int | None = None

    def start(self) -> str:
        """Make the directory of the boards."""
        self._directory.mkdir()
        return ""

    def spawn(self, board: ConfinedBoard, terminal: int, events: socket.socket) -> int:
        """Start init with the directory of the board."""
        root = self._directory / board.name
        if self._generation != board.generation:
            shutil.rmtree(root, ignore_errors=True)
            for name in ("root", "tmp", "bin", "run"):
                (root / name).mkdir(parents=True)
            rootfs.write_scripts(str(root / "bin"), str(root / "run" / "init.pid"))
            self._generation = board.generation
        return confinement.fork_init(
            events, lambda: _enter(root, board, terminal), keep=(terminal,)
        )


def _enter(root: Path, board: ConfinedBoard, terminal: int) -> init_process.LoginSession:
    syscalls.adopt_orphans()
    (root / "run" / "init.pid").write_text(f"{os.getpid()}\n", encoding="ascii")
    path = f"{root}/bin:{os.environ.get('PATH', init_process.PATH)}"
    home = str(root / "root")
    variables = {"TMPDIR": str(root / "tmp"), "LAVA_BOARD_ROOT": str(root)}
    return init_process.LoginSession(
        board.name, board.serial_port, terminal, board.autologin, home, path, variables
    )
