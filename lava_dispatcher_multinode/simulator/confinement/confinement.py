"""Confining the programs of a board: the common part of the three confinements."""

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

CONFINEMENTS = ("namespaces", "chroot")  # the strongest first
#: The network of the boards in namespaces, which is private to the job.
GROUP_NETWORK = ipaddress.IPv4Network("10.66.0.0/16")
UNCONFINED = "unconfined"  # only on request
#: How to enable a confinement that is refused.
HINTS = {
    "namespaces": "set user.max_user_namespaces above 0, and where they exist "
    "kernel.unprivileged_userns_clone to 1 and "
    "kernel.apparmor_restrict_unprivileged_userns to 0; do not run in a chroot; in a "
    "container, check its seccomp profile and the masked paths below /proc",
    "chroot": "run as root with the capabilities SYS_CHROOT and MKNOD",
}


class ConfinedBoard(NamedTuple):
    """The facts about a board that its confinement needs."""

    name: str
    number: int  # from 0, in the order of `SimulatedLab.add`
    address: str
    hosts: dict[str, str]  # addresses by name, of all boards
    generation: int  # a new number means a new deployment: written files are discarded
    autologin: bool
    serial_port: str


class Confinement(Protocol):
    """One way to confine the programs of boards; one object per job."""

    name: str

    def start(self) -> str:
        """Prepare the common part of all boards; return what boards lack, usually "".

        Raise `ConfinementRefused` if the kernel refuses this confinement. Any other
        error does not permit a weaker one.
        """

    def spawn(self, board: ConfinedBoard, terminal: int, events: socket.socket) -> int:
        """Start the init of the board, which waits for b"go"; return its process ID.

        Called in the board process, which adopts orphans. `terminal` is the slave
        of the board's terminal. An error after "go" is sent as b"error ..." on
        `events`, and init exits with `init_process.FAILED`.
        """


def hosts_file(board: ConfinedBoard) -> str:
    """Return the /etc/hosts of a board, with all boards of the job."""
    lines = ["127.0.0.1\tlocalhost", "::1\tlocalhost ip6-localhost ip6-loopback"]
    lines += [f"{address}\t{name}" for name, address in sorted(board.hosts.items())]
    return "\n".join(lines) + "\n"


def fork_init(
    events: socket.socket,
    enter: Callable[[], init_process.LoginSession],
    keep: tuple[int, ...] = (),
) -> int:
    """Fork init, which waits for "go" and enters the confinement; return its process ID."""
    child = os.fork()
    if child == 0:
        _become_init(events, enter, keep)
    return child


def _become_init(
    events: socket.socket, enter: Callable[[], init_process.LoginSession], keep: tuple[int, ...]
) -> NoReturn:
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
            os._exit(init_process.FAILED)  # the board process ended in the meantime
        init_process.run(session, events)
    except Exception as error:  # noqa: BLE001 - reported on the console
        with contextlib.suppress(OSError):
            events.send(refusals.encode_error(error))
    finally:
        os._exit(init_process.FAILED)


def _close_all_but(kept: tuple[int, ...]) -> None:
    """Close all descriptors of the host, which programs of the board must not inherit."""
    last = 2
    for descriptor in sorted({*kept, os.sysconf("SC_OPEN_MAX")}):
        if descriptor > last:
            os.closerange(last + 1, descriptor)
            last = descriptor


def kill_descendants() -> None:
    """Kill all children of this process, which adopts orphans, until there are none."""
    me = os.getpid()
    while children := _list_children(me):
        for child in children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        for child in children:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(child, 0)


def _list_children(parent: int) -> list[int]:
    try:
        with open(f"/proc/{parent}/task/{parent}/children", encoding="ascii") as file:
            return [int(word) for word in file.read().split()]
    except FileNotFoundError:
        return _search_children(parent)


def _search_children(parent: int) -> list[int]:
    """Return the children on a kernel without CONFIG_PROC_CHILDREN."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            with contextlib.suppress(OSError):
                status = (entry / "stat").read_bytes()
                if int(status.rpartition(b")")[2].split()[1]) == parent:
                    found.append(int(entry.name))
    return found
