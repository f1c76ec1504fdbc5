"""Detects other processes that use a serial device, and locks it: two readers would share it.

Terminal programs use different kinds of locks, so all of them are checked.
"""

from __future__ import annotations

import errno
import fcntl
import os
import termios
from contextlib import suppress
from pathlib import Path

#: Where picocom, minicom, cu, ser2net and others keep lock files: LCK..ttyUSB0.
LOCK_DIRECTORIES = (Path("/run/lock"), Path("/var/lock"), Path("/var/lock/lockdev"))

#: The names of a pty's master in /proc.
MASTERS = ("/dev/ptmx", "/dev/pts/ptmx")


class InUse(OSError):
    """Another process uses the device; the text names it."""


def check_unused(path: str, processes: Path = Path("/proc")) -> None:
    """Raise `InUse` if another process uses the device `path`, as far as this user can see."""
    path = os.path.realpath(path)
    owners = {*_lock_holders(Path(path).name), *_openers(path, processes)}
    if owners:
        raise InUse(errno.EBUSY, f"{', '.join(sorted(owners))} has it open")


def lock_terminal(descriptor: int) -> None:
    """Prevent other processes, except those of root, from opening the terminal."""
    with suppress(OSError):
        fcntl.ioctl(descriptor, termios.TIOCEXCL)


def unlock_terminal(descriptor: int) -> None:
    """Allow other processes to open the terminal again."""
    with suppress(OSError):
        fcntl.ioctl(descriptor, termios.TIOCNXCL)


def _openers(path: str, processes: Path) -> list[str]:
    """Return the other processes that have `path` open.

    The process that created a pty, such as socat, is no other user: it has the master, and
    may keep this end open too, also in programs that it starts.
    """
    openers: dict[int, list[int]] = {}
    makers = set()
    for process in processes.iterdir():
        if process.name.isdecimal():
            with suppress(OSError):
                links = {
                    int(link.name): str(link.readlink()) for link in (process / "fd").iterdir()
                }
                openers[int(process.name)] = [fd for fd, to in links.items() if to == path]
                if any(
                    _is_master(process / "fdinfo" / str(fd), path)
                    for fd, to in links.items()
                    if to in MASTERS
                ):
                    makers.add(int(process.name))
    return [
        _named(pid)
        for pid, descriptors in openers.items()
        if descriptors
        and pid not in {os.getpid(), *makers}
        # A program does not read from a descriptor that it has inherited unknowingly.
        and (min(descriptors) <= 2 or not _descends(pid, makers, processes))
    ]


def _is_master(fdinfo: Path, path: str) -> bool:
    """Return whether a descriptor is the master of the pty `path`."""
    return f"tty-index:\t{Path(path).name}\n" in fdinfo.read_text() and "/pts/" in path


def _descends(pid: int, makers: set[int], processes: Path) -> bool:
    """Return whether `pid` is a descendant of one of `makers`."""
    with suppress(OSError, ValueError, IndexError):
        while pid > 1 and pid not in makers:
            stat = (processes / str(pid) / "stat").read_text(errors="replace")
            pid = int(stat.rpartition(")")[2].split()[1])
    return pid in makers


def _lock_holders(name: str) -> list[str]:
    """Return the running processes that have lock files for the device `name`."""
    found = []
    for directory in LOCK_DIRECTORIES:
        with suppress(OSError, ValueError):
            text = (directory / f"LCK..{name}").read_bytes()[:64]
            # A number in ten characters, or the four bytes of one.
            pid = int.from_bytes(text, "little") if len(text) == 4 else int(text)
            if pid != os.getpid() and Path(f"/proc/{pid}").exists():
                found.append(_named(pid))
    return found


def _named(pid: int) -> str:
    name = "process"
    with suppress(OSError):
        name = Path(f"/proc/{pid}/comm").read_text(errors="replace").strip()
    return f"{name} ({pid})"
