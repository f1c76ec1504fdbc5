"""Confinement by namespaces, which hides the host completely.

A job has one user namespace, in which the root of boards has no rights on the host.
Its mount namespace has a tmpfs with the writable layers of all boards, and its network
namespace has a bridge. No process runs there: open descriptors keep the namespaces
alive, and the kernel removes them when the last one is closed.

Each run of Linux on a board has its own mount, pid, network, UTS and IPC namespaces
below those. init starts in three steps: the board process forks a helper; the helper
enters the namespaces of the job, makes the new ones and forks init; the helper ends,
and the board process, which adopts orphans, becomes the parent of init.
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
from .confinement import GROUP_NETWORK, ConfinedBoard

if TYPE_CHECKING:
    from collections.abc import Callable

_BRIDGE = "bridge0"
_MAX_PROCESSES = 16384  # of all boards of a job


class Namespaces:
    """A `confinement.Confinement` by namespaces."""

    name = "namespaces"

    def __init__(self, directory: Path) -> None:
        self._store = directory / "namespaces"
        self._namespaces: tuple[int, int, int] = (-1, -1, -1)  # user, mount, network
        self._overlays = True
        self._uid, self._gid = ids.choose_range("uid"), ids.choose_range("gid")
        self._python: str | None = None
        self._refusals = refusals.unshare_refusals()

    def start(self) -> str:
        """Make the namespaces of the job, and test them with a board."""
        self._python = rootfs.python_of_this_process()
        self._store.mkdir()
        refused = self._make()
        self._overlays = not refused
        self._test()
        return f"/usr and /opt of the boards are read-only: {refused}" if refused else ""

    def spawn(self, board: ConfinedBoard, terminal: int, events: socket.socket) -> int:
        """Start init in new namespaces."""
        os.fchown(terminal, self._uid[0], self._gid[0])
        path = os.ttyname(terminal)
        return self._spawn(board, events, lambda fresh: self._enter(board, path, fresh=fresh))

    def _make(self) -> str:
        """Let a child make the namespaces of the job, and keep them open.

        Return why overlays are refused, "" if they are not.
        """
        ours, theirs = socket.socketpair()
        child = os.fork()
        if child == 0:
            ours.close()
            _run_and_exit(theirs, lambda: self._prepare(theirs))
        theirs.close()
        with ours:
            try:
                _receive(ours, b"unshared")
                with refusals.detect_refusal("uid map", refusals.POLICY):
                    ids.map_ids(child, self._uid, self._gid)
                ours.send(b"mapped")
                refused = _receive(ours, b"ready ")
                user, mount, net = (
                    os.open(f"/proc/{child}/ns/{kind}", os.O_RDONLY | os.O_CLOEXEC)
                    for kind in ("user", "mnt", "net")
                )
                self._namespaces = (user, mount, net)
            finally:
                ours.close()
                # Its exit status explains more than a lost connection.
                refusals.wait_for_child(child)
        return refused

    def _prepare(self, parent: socket.socket) -> None:
        """In the child: make namespaces, tmpfs, skeleton and bridge."""
        self._unshare(
            syscalls.CLONE_NEWUSER
            | syscalls.CLONE_NEWNS
            | syscalls.CLONE_NEWNET
            | syscalls.CLONE_NEWIPC
            | syscalls.CLONE_NEWUTS
        )
        parent.send(b"unshared")
        _receive(parent, b"mapped")
        # AppArmor can give namespaces without rights, which shows at their first use.
        with refusals.detect_refusal("mount /", refusals.POLICY):
            syscalls.mount(None, "/", None, syscalls.MS_REC | syscalls.MS_PRIVATE)
        python = None
        if self._python:  # opened before the change of IDs, as it may be in the home of root
            python = os.open(self._python, os.O_PATH | os.O_DIRECTORY)
        syscalls.mount(
            "tmpfs",
            str(self._store),
            "tmpfs",
            syscalls.MS_NOSUID | syscalls.MS_NODEV,
            "mode=755,uid=0,gid=0",
        )
        os.chdir(self._store)
        ids.become_root()
        os.mkdir("boards")
        rootfs.make_skeleton("skeleton")
        rootfs.copy_etc("skeleton/etc")
        if python is not None and self._python:
            os.mkdir("python")
            syscalls.bind(f"/proc/self/fd/{python}", "python", read_only=True)
            rootfs.link_python("skeleton", self._python)
        with refusals.detect_refusal("bridge", {errno.EOPNOTSUPP}):
            netlink.add_bridge(_BRIDGE)
        parent.send(b"ready " + mounts.overlay_refusal().encode())
        parent.recv(1)  # the parent has opened the namespaces

    def _test(self) -> None:
        """Start a board whose init succeeds only inside a complete confinement."""
        board = ConfinedBoard(
            "trial", 65000, str(GROUP_NETWORK[65000]), {}, 0, autologin=True, serial_port="ttyS0"
        )
        terminal, slave = os.openpty()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)

        def enter(fresh: bool) -> init_process.LoginSession:
            self._enter(board, path, fresh=fresh)
            os.stat("/bin/sh")
            os._exit(0)

        try:
            os.fchown(slave, self._uid[0], self._gid[0])
            path = os.ttyname(slave)
            with ours, theirs:
                child = self._spawn(board, theirs, enter)
                ours.send(b"go")
                failed = refusals.wait_for_child(child)
                theirs.close()
                if failed:
                    raise refusals.decode_error(ours.recv(4096))
        finally:
            os.close(terminal)
            os.close(slave)

    def _spawn(
        self,
        board: ConfinedBoard,
        events: socket.socket,
        enter: Callable[[bool], init_process.LoginSession],
    ) -> int:
        ours, theirs = socket.socketpair()
        helper = os.fork()
        if helper == 0:
            ours.close()
            _run_and_exit(theirs, lambda: self._fork_init(board, theirs, events, enter))
        theirs.close()
        with ours:
            answer = ours.recv(4096)
        refusals.wait_for_child(helper)
        if not answer.isdigit():
            raise refusals.decode_error(answer)
        return int(answer)

    def _fork_init(
        self,
        board: ConfinedBoard,
        parent: socket.socket,
        events: socket.socket,
        enter: Callable[[bool], init_process.LoginSession],
    ) -> None:
        """In the helper: enter the namespaces of the job, make those of the board, fork init."""
        user, mount, net = self._namespaces
        with refusals.detect_refusal("setns", refusals.SETNS):
            syscalls.setns(user, syscalls.CLONE_NEWUSER)
            syscalls.setns(mount, syscalls.CLONE_NEWNS)
        os.chdir(self._store)
        ids.become_root()
        fresh = mounts.mount_writable_layer(board)
        self._connect(board, net)
        self._unshare(
            syscalls.CLONE_NEWNS
            | syscalls.CLONE_NEWPID
            | syscalls.CLONE_NEWUTS
            | syscalls.CLONE_NEWIPC
        )
        child = confinement.fork_init(events, lambda: enter(fresh))
        parent.send(str(child).encode())

    def _unshare(self, flags: int) -> None:
        with refusals.detect_refusal("unshare", self._refusals):
            syscalls.unshare(flags)

    def _connect(self, board: ConfinedBoard, net: int) -> None:
        """Make a network namespace whose eth0 is connected to the bridge of the job."""
        self._unshare(syscalls.CLONE_NEWNET)
        own = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        syscalls.setns(net, syscalls.CLONE_NEWNET)
        plug = f"board{board.number}"
        netlink.delete(plug)  # of the last run of this board, if it still exists
        mac = "02:4c:41:56:{:02x}:{:02x}".format(*divmod(board.number, 256))
        netlink.add_veth(plug, _BRIDGE, "eth0", mac, own)
        syscalls.setns(own, syscalls.CLONE_NEWNET)
        os.close(own)
        netlink.set_up("lo")
        netlink.add_address("eth0", f"{board.address}/{GROUP_NETWORK.prefixlen}")
        netlink.set_up("eth0")

    def _enter(
        self, board: ConfinedBoard, terminal: str, *, fresh: bool
    ) -> init_process.LoginSession:
        """In init: mount the file system of the board as the only one."""
        syscalls.mount(None, "/", None, syscalls.MS_REC | syscalls.MS_PRIVATE)
        os.chdir(f"boards/{board.number}")
        syscalls.bind("root", "root")
        path = init_process.PATH
        if self._overlays:
            for top in (*rootfs.shared_directories(), "etc"):
                mounts.mount_overlay(top)
        else:
            mounts.mount_read_only(fresh=fresh)
            path = f"{rootfs.OWN_BIN}:{path}"
        if self._python:
            os.makedirs(f"root{self._python}", exist_ok=True)
            syscalls.bind("../../python", f"root{self._python}", read_only=True)
        if fresh:
            rootfs.name_board("root", board.name, confinement.hosts_file(board))
        mounts.mount_system("root", terminal, board.serial_port)
        os.chdir("root")
        _limit_processes()
        syscalls.pivot_root(".", ".")
        syscalls.umount(".")
        os.chdir("/")
        socket.sethostname(board.name)
        Path("/run/init.pid").write_text("1\n", encoding="ascii")
        os.mkdir("/run/lock")
        terminal_path = f"/dev/{board.serial_port}"
        return init_process.LoginSession(
            board.name, board.serial_port, terminal_path, board.autologin, path=path
        )


def _limit_processes() -> None:
    """Limit the processes of all boards of the job together, against fork bombs."""
    _, hard = resource.getrlimit(resource.RLIMIT_NPROC)
    limit = _MAX_PROCESSES if hard == resource.RLIM_INFINITY else min(_MAX_PROCESSES, hard)
    resource.setrlimit(resource.RLIMIT_NPROC, (limit, limit))


def _run_and_exit(parent: socket.socket, work: Callable[[], None]) -> NoReturn:
    """In a child: run `work` and exit; send an error to `parent`."""
    try:
        work()
    except BaseException as error:  # noqa: BLE001 - the child exits here
        with contextlib.suppress(OSError):
            parent.send(refusals.encode_error(error))
    finally:
        os._exit(0)


def _receive(peer: socket.socket, wanted: bytes) -> str:
    """Receive a message that starts with `wanted`; return the rest, or raise its error."""
    answer = peer.recv(4096)
    if not answer.startswith(wanted):
        raise refusals.decode_error(answer)
    return answer.removeprefix(wanted).decode("utf-8", "replace")
