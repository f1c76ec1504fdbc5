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
    """Return the other processes that have `path` open."""
    found = []
    for process in processes.iterdir():
        if process.name.isdecimal() and int(process.name) != os.getpid():
            with suppress(OSError):
                links = (process / "fd").iterdir()
                if any(str(link.readlink()) == path for link in links):
                    found.append(_named(int(process.name)))
    return found


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
