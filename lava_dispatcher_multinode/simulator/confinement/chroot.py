"""Confinement by chroot, for root in a container without namespaces.

A tree with a shell, the usual programs and Python is copied once per job and
linked for each board. Boards cannot change files of the host, and their programs
lack the capabilities to leave the tree. Process IDs, network and host name are those
of the host, and there is no /proc.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import stat
import subprocess
import sys
from typing import TYPE_CHECKING

from .. import init_process
from . import confinement, refusals, rootfs, syscalls
from .confinement import ConfinedBoard

if TYPE_CHECKING:
    import socket
    from pathlib import Path

PROGRAMS = """
    sh bash awk basename cat chmod chown chgrp cksum clear cmp comm cp cut date dd df diff dirname
    du echo env expr false file find fold getopt grep egrep fgrep gzip gunzip head hostname id
    install join kill ln logname ls md5sum mkdir mkfifo mktemp more mv nice nl nohup nproc od
    paste printenv printf ps pwd readlink realpath rm rmdir sed seq sha256sum sleep sort split
    stat stdbuf stty sum sync tac tail tar tee test timeout touch tr true tty uname uniq uptime
    wc which who whoami xargs xz yes zcat nc wget curl ip ifconfig ping busybox
""".split()  # noqa: SIM905 - easier to read as text
_IGNORED_PYTHON_FILES = shutil.ignore_patterns(
    "test",
    "tests",
    "idlelib",
    "tkinter",
    "turtledemo",
    "lib2to3",
    "ensurepip",
    "__pycache__",
    "site-packages",
    "dist-packages",
    "config-*",
    "pydoc_data",
)
_LIBRARY = re.compile(r"(?:=>\s*|^\s*)(/\S+)", re.MULTILINE)
_DEVICES = {
    "null": (1, 3),
    "zero": (1, 5),
    "full": (1, 7),
    "random": (1, 8),
    "urandom": (1, 9),
    "tty": (5, 0),
}
#: Programs keep the capabilities for file modes, user IDs and low ports; not for mknod, chroot,
#: kill or reboot.
_KEPT_CAPABILITIES = {0, 1, 3, 4, 6, 7, 10}
_REFUSED = 77  # exit code of the trial that no shell uses
_LAST_CAPABILITY = "/proc/sys/kernel/cap_last_cap"


class Chroot:
    """A `confinement.Confinement` by chroot."""

    name = "chroot"

    def __init__(self, directory: Path) -> None:
        self._directory = str(directory / "chroot")
        self._base = f"{self._directory}/base"
        self._generation: int | None = None

    def start(self) -> str:
        """Make the common tree of all boards, and test it."""
        if os.geteuid() != 0:
            raise refusals.ConfinementRefused("requires root")
        rootfs.fill_root(self._base)
        for top in rootfs.SHARED:
            if not os.path.islink(f"{self._base}/{top}"):
                os.makedirs(f"{self._base}/{top}", exist_ok=True)
        rootfs.copy_etc(f"{self._base}/etc")
        _copy_programs(self._base)
        rootfs.write_scripts(self._base + os.path.realpath("/usr/sbin"))
        trial = ConfinedBoard(
            "trial", 65000, "127.0.0.1", {}, 0, autologin=True, serial_port="ttyS0"
        )
        _test_tree(self._make_tree(trial))
        return ""

    def spawn(self, board: ConfinedBoard, terminal: int, events: socket.socket) -> int:
        """Start init in the tree of the board."""
        root = f"{self._directory}/{board.number}"
        if self._generation != board.generation:
            root = self._make_tree(board)
            self._generation = board.generation
        return confinement.fork_init(
            events, lambda: _enter(root, board, terminal), keep=(terminal,)
        )

    def _make_tree(self, board: ConfinedBoard) -> str:
        """Make a new tree for the board; return its path."""
        root = f"{self._directory}/{board.number}"
        shutil.rmtree(root, ignore_errors=True)
        shutil.copytree(self._base, root, symlinks=True, copy_function=_link)
        shutil.rmtree(f"{root}/etc")  # tests write here: no hard links
        shutil.copytree(f"{self._base}/etc", f"{root}/etc", symlinks=True)
        rootfs.name_board(root, board.name, confinement.hosts_file(board))
        for name, (major, minor) in _DEVICES.items():
            device = f"{root}/dev/{name}"
            with refusals.detect_refusal("mknod", refusals.POLICY):
                os.mknod(device, 0o666 | stat.S_IFCHR, os.makedev(major, minor))
            os.chmod(device, 0o666)  # noqa: S103 - the usual mode of these devices
        for name in (board.serial_port, "console"):
            os.symlink("tty", f"{root}/dev/{name}")
        return root


def _link(source: str, target: str) -> None:
    os.link(source, target, follow_symlinks=False)


def _enter(root: str, board: ConfinedBoard, terminal: int) -> init_process.LoginSession:
    """In init: drop capabilities and enter the tree."""
    syscalls.adopt_orphans()
    with open(_LAST_CAPABILITY, encoding="ascii") as file:
        last = int(file.read())
    for capability in set(range(last + 1)) - _KEPT_CAPABILITIES:
        syscalls.drop_capability(capability)
    os.chroot(root)
    os.chdir("/")
    with open("/run/init.pid", "w", encoding="ascii") as file:
        file.write(f"{os.getpid()}\n")
    return init_process.LoginSession(board.name, board.serial_port, terminal, board.autologin)


def _test_tree(root: str) -> None:
    """Run a shell in the tree; raise `ConfinementRefused` or RuntimeError."""
    child = os.fork()
    if child == 0:
        with contextlib.suppress(OSError):
            try:
                os.chroot(root)
            except PermissionError:
                os._exit(_REFUSED)
            os.chdir("/")
            os.execv("/bin/sh", ["sh", "-c", "cat /etc/hosts >/dev/null"])  # noqa: S606
        os._exit(1)
    code = refusals.wait_for_child(child)
    if code == _REFUSED:
        raise refusals.ConfinementRefused("chroot: Operation not permitted (EPERM)")
    if code:
        raise RuntimeError("a shell in a chroot failed")


def _copy_programs(base: str) -> None:
    """Copy programs, Python, and their libraries."""
    wanted = {path for name in PROGRAMS if (path := shutil.which(name, path=init_process.PATH))}
    python, library = _find_python()
    shutil.copytree(library, base + library, ignore=_IGNORED_PYTHON_FILES, dirs_exist_ok=True)
    modules = [
        entry.path for entry in os.scandir(f"{library}/lib-dynload") if entry.name.endswith(".so")
    ]
    for path in wanted | {python} | _find_libraries([*wanted, python, *modules]):
        _copy_file(path, base)
    link = f"{base}/usr/local/bin/python3"
    os.makedirs(os.path.dirname(link), exist_ok=True)
    os.symlink(python, link)
    _add_applets(base)


def _find_python() -> tuple[str, str]:
    """Return a Python for the boards, preferably the host's, and its library directory."""
    found = shutil.which("python3", path=init_process.PATH) or sys.executable
    program = (
        "import os, sys; print(os.path.realpath(sys.executable), os.path.dirname(os.__file__))"
    )
    answer = subprocess.run(
        [found, "-S", "-c", program], capture_output=True, text=True, check=True
    )
    python, library = answer.stdout.split()
    return python, library


def _find_libraries(paths: list[str]) -> set[str]:
    """Return the shared libraries of these programs."""
    answer = subprocess.run(["ldd", *paths], capture_output=True, text=True, check=False)
    return {
        path
        for path in _LIBRARY.findall(answer.stdout)
        if not path.endswith(":") and os.path.isfile(path)
    }


def _copy_file(path: str, base: str) -> None:
    """Copy a file to the same place in the tree, with the links of its directories resolved."""
    real = os.path.realpath(path)
    directory = os.path.realpath(os.path.dirname(path))
    os.makedirs(base + directory, exist_ok=True)
    shutil.copy2(real, f"{base}{directory}/{os.path.basename(path)}")


def _add_applets(base: str) -> None:
    """Link the applets of busybox for programs that the host lacks."""
    busybox = shutil.which("busybox", path=init_process.PATH)
    if busybox is None:
        return
    answer = subprocess.run([busybox, "--list"], capture_output=True, text=True, check=False)
    for name in answer.stdout.split():
        if (
            shutil.which(name, path=":".join(base + part for part in init_process.PATH.split(":")))
            is None
        ):
            with contextlib.suppress(FileExistsError):
                os.symlink(busybox, f"{base}/usr/bin/{name}")
