"""How the programs of a board are kept on it: what the three ways have in common."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import select
import signal
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, NoReturn, Protocol

from .. import init_process
from . import refusals, syscalls

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

WAYS = ("namespaces", "chroot")  # in the order of preference
#: The boards' own network, which nobody else is on.
PRIVATE = ipaddress.IPv4Network("10.66.0.0/16")
UNCONFINED = "unconfined"  # only if that is asked for
#: What allows a way that is refused.
HINTS = {
    "namespaces": "a kernel with user namespaces gives them to any user, but in a chroot: "
    "look at /proc/sys/user/max_user_namespaces (0 forbids), "
    "kernel.unprivileged_userns_clone (must be 1 where it exists), "
    "kernel.apparmor_restrict_unprivileged_userns (must be 0 where it exists), "
    "and in a container at its seccomp profile and at masked paths below /proc",
    "chroot": "root needs the capabilities SYS_CHROOT and MKNOD",
}


class Site(NamedTuple):
    """A board as its confinement sees it."""

    name: str
    number: int  # from 0, in the order of `SimulatedLab.add`
    address: str
    hosts: dict[str, str]  # addresses by name, of all boards
    generation: int  # another one than last time: nothing written before is still there
    autologin: bool


class Confinement(Protocol):
    """One way to keep boards' programs on their boards; made once per job."""

    name: str

    def start(self) -> str:
        """Prepare what the boards of the job share; return what boards lack, as a rule "".

        Raise `refusals.Unavailable` where the kernel refuses this way; any other
        error is no reason for a weaker one.
        """

    def spawn(self, site: Site, terminal: int, events: socket.socket) -> int:
        """Start the board's init, which waits for b"go"; return its pid, a child's.

        Runs in the board's process, which adopts orphans. `terminal` is the
        slave of the board's terminal. Errors after "go" come as b"error ..." on
        `events`, and init exits with `init.FAILED`.
        """

    def sweep(self, pid: int) -> None:
        """End what is left of the board's processes after its init `pid` is gone."""


def hosts_file(site: Site) -> str:
    """Return /etc/hosts of a board: every board of the job by name."""
    lines = ["127.0.0.1\tlocalhost", "::1\tlocalhost ip6-localhost ip6-loopback"]
    lines += [f"{address}\t{name}" for name, address in sorted(site.hosts.items())]
    return "\n".join(lines) + "\n"


def become_init(
    events: socket.socket,
    enter: Callable[[], init_process.LoginSession],
    keep: tuple[int, ...] = (),
) -> NoReturn:
    """In the child that is to be init: wait for "go", confine itself, and be init."""
    try:
        _close_all_but((0, 1, 2, events.fileno(), *keep))
        if events.recv(16) != b"go":
            os._exit(init_process.FAILED)
        syscalls.set_name("init")
        session = enter()
        syscalls.die_with_parent(signal.SIGKILL)
        poll = select.poll()
        poll.register(events, select.POLLIN)
        if any(flags & select.POLLHUP for _, flags in poll.poll(0)):
            os._exit(init_process.FAILED)  # the board's process ended meanwhile
        init_process.run(session, events)
    except Exception as error:  # noqa: BLE001 - nobody above: it becomes text on the console
        with contextlib.suppress(OSError):
            events.send(refusals.encode(error))
    finally:
        os._exit(init_process.FAILED)


def _close_all_but(kept: tuple[int, ...]) -> None:
    """Leave nothing of the host's open to the board's programs."""
    last = 2
    for descriptor in sorted({*kept, os.sysconf("SC_OPEN_MAX")}):
        if descriptor > last:
            os.closerange(last + 1, descriptor)
            last = descriptor


def kill_descendants() -> None:
    """End all children of this process, which adopts orphans, until there are none."""
    me = os.getpid()
    while children := _children(me):
        for child in children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        for child in children:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(child, 0)


def _children(parent: int) -> list[int]:
    try:
        with open(f"/proc/{parent}/task/{parent}/children", encoding="ascii") as file:
            return [int(word) for word in file.read().split()]
    except FileNotFoundError:
        return _children_by_search(parent)


def _children_by_search(parent: int) -> list[int]:
    """Do it without CONFIG_PROC_CHILDREN."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            with contextlib.suppress(OSError):
                status = (entry / "stat").read_bytes()
                if int(status.rpartition(b")")[2].split()[1]) == parent:
                    found.append(int(entry.name))
    return found
