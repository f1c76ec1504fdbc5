"""Who else has a serial device open: two readers get half of the bytes each.

No single lock is kept by all terminal programs, so all that there are count.
"""

from __future__ import annotations

import errno
import fcntl
import os
import termios
from contextlib import suppress
from pathlib import Path

#: Where picocom, minicom, cu, ser2net and others note who has a port: LCK..ttyUSB0.
LOCK_DIRECTORIES = (Path("/run/lock"), Path("/var/lock"), Path("/var/lock/lockdev"))

#: What a pty's master is called in /proc.
MASTERS = ("/dev/ptmx", "/dev/pts/ptmx")


class InUse(OSError):
    """Somebody else has the device; the text says who."""


def check(path: str, processes: Path = Path("/proc")) -> None:
    """Raise `InUse` if somebody has the device `path` open, as far as this user may see."""
    path = os.path.realpath(path)
    owners = {*_lock_holders(Path(path).name), *_openers(path, processes)}
    if owners:
        raise InUse(errno.EBUSY, f"{', '.join(sorted(owners))} has it open")


def claim(descriptor: int) -> None:
    """Keep programs that start later, but for those of root, from opening the terminal."""
    with suppress(OSError):
        fcntl.ioctl(descriptor, termios.TIOCEXCL)


def disclaim(descriptor: int) -> None:
    """Let others open the terminal again."""
    with suppress(OSError):
        fcntl.ioctl(descriptor, termios.TIOCNXCL)


def _openers(path: str, processes: Path) -> list[str]:
    """Return the other processes that have `path` open.

    A pty's maker, socat say, has its other end and is no rival, though it may
    keep this end open, too, and leave it open in programs that it starts.
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
        # Nobody reads from a descriptor that it does not know it has.
        and (min(descriptors) <= 2 or not _descends(pid, makers, processes))
    ]


def _is_master(fdinfo: Path, path: str) -> bool:
    """Whether a descriptor is the other end of the pty `path`."""
    return f"tty-index:\t{Path(path).name}\n" in fdinfo.read_text() and "/pts/" in path


def _descends(pid: int, makers: set[int], processes: Path) -> bool:
    """Whether one of `makers` has started `pid`, or what started it."""
    with suppress(OSError, ValueError, IndexError):
        while pid > 1 and pid not in makers:
            stat = (processes / str(pid) / "stat").read_text(errors="replace")
            pid = int(stat.rpartition(")")[2].split()[1])
    return pid in makers


def _lock_holders(name: str) -> list[str]:
    """Return the living processes whose lock files are on the device `name`."""
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
