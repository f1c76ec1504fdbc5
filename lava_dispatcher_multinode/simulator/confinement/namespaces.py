"""Boards in namespaces of their own: the way that leaves nothing of the host in reach.

One user namespace per job, in which the boards' root is nobody in particular;
its mount namespace holds a tmpfs with every board's writable layer, and its
network namespace a bridge. No process lives there: open descriptors keep them,
and when the last one closes all of it is gone.

Each run of a board's Linux gets mount, pid, network, UTS and IPC namespaces
below those. A shell's first process is made in three steps: the board process
forks a helper; the helper enters the job's namespaces, makes the new ones and
forks init; the helper ends, and the board process, which adopts orphans, is
init's parent.
"""

from __future__ import annotations

import contextlib
import errno
import os
import resource
import socket
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from .. import init_process
from . import confinement, ids, mounts, netlink, refusals, rootfs, syscalls
from .confinement import PRIVATE, Site

if TYPE_CHECKING:
    from collections.abc import Callable

_BRIDGE = "bridge0"
_PROCESSES = 16384  # of all boards of a job


class Namespaces:
    """See `confinement.Confinement`."""

    name = "namespaces"

    def __init__(self, directory: Path) -> None:
        self._store = directory / "namespaces"
        self._spaces: tuple[int, int, int] = (-1, -1, -1)  # user, mount, network
        self._overlays = True
        self._uid, self._gid = ids.mapping("uid"), ids.mapping("gid")
        self._python: str | None = None
        self._refusals = refusals.of_unshare()

    def start(self) -> str:
        """Make the job's namespaces, and a board in them as a trial."""
        self._python = rootfs.python_of_this_process()
        self._store.mkdir()
        refused = self._make()
        self._overlays = not refused
        self._try()
        return f"/usr and /opt of the boards are read-only: {refused}" if refused else ""

    def spawn(self, site: Site, terminal: int, events: socket.socket) -> int:
        """Start init in new namespaces."""
        os.fchown(terminal, self._uid[0], self._gid[0])
        path = os.ttyname(terminal)
        return self._spawn(site, events, lambda fresh: self._enter(site, path, fresh=fresh))

    def sweep(self, pid: int) -> None:
        """Nothing to do: all of a pid namespace ends with its first process."""

    def _make(self) -> str:
        """Let a child make the job's namespaces, and keep them; return why without overlays."""
        ours, theirs = socket.socketpair()
        child = os.fork()
        if child == 0:
            ours.close()
            _report(theirs, lambda: self._prepare(theirs))
        theirs.close()
        with ours:
            try:
                _expect(ours, b"unshared")
                with refusals.asking("uid map", refusals.POLICY):
                    ids.map_ids(child, self._uid, self._gid)
                ours.send(b"mapped")
                refused = _expect(ours, b"ready ")
                user, mount, net = (
                    os.open(f"/proc/{child}/ns/{kind}", os.O_RDONLY | os.O_CLOEXEC)
                    for kind in ("user", "mnt", "net")
                )
                self._spaces = (user, mount, net)
            finally:
                ours.close()
                refusals.reap(child)  # its death explains more than what came of it
        return refused

    def _prepare(self, parent: socket.socket) -> None:
        """In the child: namespaces, tmpfs, skeleton, bridge."""
        self._unshare(
            syscalls.CLONE_NEWUSER
            | syscalls.CLONE_NEWNS
            | syscalls.CLONE_NEWNET
            | syscalls.CLONE_NEWIPC
            | syscalls.CLONE_NEWUTS
        )
        parent.send(b"unshared")
        _expect(parent, b"mapped")
        # AppArmor gives namespaces without their rights: the first use of one shows it.
        with refusals.asking("mount /", refusals.POLICY):
            syscalls.mount(None, "/", None, syscalls.MS_REC | syscalls.MS_PRIVATE)
        python = None
        if self._python:  # opened before the change of ids: it may be in root's home
            python = os.open(self._python, os.O_PATH | os.O_DIRECTORY)
        syscalls.mount(
            "tmpfs",
            str(self._store),
            "tmpfs",
            syscalls.MS_NOSUID | syscalls.MS_NODEV,
            "mode=755,uid=0,gid=0",
        )
        os.chdir(self._store)
        ids.be_root()
        os.mkdir("boards")
        rootfs.make_skeleton("skeleton")
        rootfs.copy_etc("skeleton/etc")
        if python is not None and self._python:
            os.mkdir("python")
            syscalls.bind(f"/proc/self/fd/{python}", "python", read_only=True)
            rootfs.link_python("skeleton", self._python)
        with refusals.asking("bridge", {errno.EOPNOTSUPP}):
            netlink.add_bridge(_BRIDGE)
        parent.send(b"ready " + mounts.overlay_refusal().encode())
        parent.recv(1)  # until the parent holds the namespaces open

    def _try(self) -> None:
        """Start a board whose init only ends well if all of its confinement was made."""
        site = Site("trial", 65000, str(PRIVATE[65000]), {}, 0, autologin=True)
        terminal, slave = os.openpty()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)

        def enter(fresh: bool) -> init_process.LoginSession:
            self._enter(site, path, fresh=fresh)
            os.stat("/bin/sh")
            os._exit(0)

        try:
            os.fchown(slave, self._uid[0], self._gid[0])
            path = os.ttyname(slave)
            with ours, theirs:
                child = self._spawn(site, theirs, enter)
                ours.send(b"go")
                failed = refusals.reap(child)
                theirs.close()
                if failed:
                    raise refusals.decode(ours.recv(4096))
        finally:
            os.close(terminal)
            os.close(slave)

    def _spawn(
        self, site: Site, events: socket.socket, enter: Callable[[bool], init_process.LoginSession]
    ) -> int:
        ours, theirs = socket.socketpair()
        helper = os.fork()
        if helper == 0:
            ours.close()
            _report(theirs, lambda: self._fork_init(site, theirs, events, enter))
        theirs.close()
        with ours:
            answer = ours.recv(4096)
        refusals.reap(helper)
        if not answer.isdigit():
            raise refusals.decode(answer)
        return int(answer)

    def _fork_init(
        self,
        site: Site,
        parent: socket.socket,
        events: socket.socket,
        enter: Callable[[bool], init_process.LoginSession],
    ) -> None:
        """In the helper: enter the job's namespaces, make the board's, fork init."""
        user, mount, net = self._spaces
        with refusals.asking("setns", refusals.SETNS):
            syscalls.setns(user, syscalls.CLONE_NEWUSER)
            syscalls.setns(mount, syscalls.CLONE_NEWNS)
        os.chdir(self._store)
        ids.be_root()
        fresh = mounts.layer(site)
        self._connect(site, net)
        self._unshare(
            syscalls.CLONE_NEWNS
            | syscalls.CLONE_NEWPID
            | syscalls.CLONE_NEWUTS
            | syscalls.CLONE_NEWIPC
        )
        child = os.fork()
        if child == 0:
            confinement.become_init(events, lambda: enter(fresh))
        parent.send(str(child).encode())

    def _unshare(self, flags: int) -> None:
        with refusals.asking("unshare", self._refusals):
            syscalls.unshare(flags)

    def _connect(self, site: Site, net: int) -> None:
        """Make a network namespace whose eth0 is plugged into the job's bridge."""
        self._unshare(syscalls.CLONE_NEWNET)
        own = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        syscalls.setns(net, syscalls.CLONE_NEWNET)
        plug = f"board{site.number}"
        netlink.delete(plug)  # of the last run of this board, if it is not quite gone
        mac = "02:4c:41:56:{:02x}:{:02x}".format(*divmod(site.number, 256))
        netlink.add_veth(plug, _BRIDGE, "eth0", mac, own)
        syscalls.setns(own, syscalls.CLONE_NEWNET)
        os.close(own)
        netlink.set_up("lo")
        netlink.add_address("eth0", f"{site.address}/{PRIVATE.prefixlen}")
        netlink.set_up("eth0")

    def _enter(self, site: Site, terminal: str, *, fresh: bool) -> init_process.LoginSession:
        """In init: make the board's file system, and have nothing else."""
        syscalls.mount(None, "/", None, syscalls.MS_REC | syscalls.MS_PRIVATE)
        os.chdir(f"boards/{site.number}")
        syscalls.bind("root", "root")
        path = init_process.PATH
        if self._overlays:
            for top in (*rootfs.shared_directories(), "etc"):
                mounts.overlay(top)
        else:
            mounts.plain(fresh=fresh)
            path = f"{rootfs.OWN_BIN}:{path}"
        if self._python:
            os.makedirs(f"root{self._python}", exist_ok=True)
            syscalls.bind("../../python", f"root{self._python}", read_only=True)
        if fresh:
            rootfs.name_board("root", site.name, confinement.hosts_file(site))
        mounts.system_mounts("root", terminal)
        os.chdir("root")
        _limit_processes()
        syscalls.pivot_root(".", ".")
        syscalls.umount(".")
        os.chdir("/")
        socket.sethostname(site.name)
        Path("/run/init.pid").write_text("1\n", encoding="ascii")
        os.mkdir("/run/lock")
        return init_process.LoginSession(
            site.name,
            "/dev/ttyO2",
            "/root",
            init_process.environment("/root", site.name, path),
            site.autologin,
        )


def _limit_processes() -> None:
    """Bound what all boards of the job can start together: a fork bomb ends there."""
    _, hard = resource.getrlimit(resource.RLIMIT_NPROC)
    limit = _PROCESSES if hard == resource.RLIM_INFINITY else min(_PROCESSES, hard)
    resource.setrlimit(resource.RLIMIT_NPROC, (limit, limit))


def _report(parent: socket.socket, work: Callable[[], None]) -> NoReturn:
    """In a child: do `work`, and end; what goes wrong is sent as text."""
    try:
        work()
    except BaseException as error:  # noqa: BLE001 - the end of a child
        with contextlib.suppress(OSError):
            parent.send(refusals.encode(error))
    finally:
        os._exit(0)


def _expect(peer: socket.socket, wanted: bytes) -> str:
    """Take an answer that begins with `wanted`; return the rest."""
    answer = peer.recv(4096)
    if not answer.startswith(wanted):
        raise refusals.decode(answer)
    return answer.removeprefix(wanted).decode("utf-8", "replace")
