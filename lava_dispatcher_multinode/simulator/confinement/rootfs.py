"""The file system of a confined board, made from the programs of the host.

No function needs more privileges than its caller has. In a user namespace, files of the
host belong to no user of the board, so that even its root cannot write to their
directories. The `skeleton` therefore has the same directories, owned by the root of the
board: mounted over those of the host, they allow adding, replacing and removing files.
/etc is a real copy.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
from pathlib import Path

from .. import init_process

#: Top-level directories that boards share with the host.
SHARED = ("bin", "sbin", "lib", "lib32", "lib64", "libx32", "usr", "opt")
#: Package databases, for tests that list installed packages.
_DATABASES = ("var/lib/dpkg", "var/lib/rpm")
_EMPTY_DIRECTORIES = (
    "boot",
    "home",
    "media",
    "mnt",
    "srv",
    "sys",
    "proc",
    "dev",
    "root",
    "var/cache",
    "var/lib",
    "var/log",
    "var/spool",
    "etc",
)
_SKELETON_DEPTH = 2  # levels below a shared directory
_MAX_ETC_FILE_BYTES = 1 << 20
#: The directory of reboot and similar scripts if they cannot replace those of the host.
OWN_BIN = "/etc/simulated/bin"
DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
_DEVICE_LINKS = {
    "fd": "/proc/self/fd",
    "stdin": "/proc/self/fd/0",
    "stdout": "/proc/self/fd/1",
    "stderr": "/proc/self/fd/2",
    "ptmx": "pts/ptmx",
}
_SHUTDOWN = """case " $* " in
*" -r "*) exec reboot ;;
*" -H "*) exec halt ;;
*" -c "*) exit 0 ;;
*) exec poweroff ;;
esac
"""
_NSSWITCH = """passwd: files
group: files
shadow: files
hosts: files dns
protocols: files
services: files
"""


def shared_directories() -> list[str]:
    """Return the directories of `SHARED` and the databases that exist on this host."""
    found = [top for top in SHARED if _is_directory(f"/{top}")]
    return found + [path for path in _DATABASES if _is_directory(f"/{path}")]


def shared_links() -> dict[str, str]:
    """Return the links of `SHARED` on this host, with their targets."""
    return {top: os.readlink(f"/{top}") for top in SHARED if os.path.islink(f"/{top}")}


def make_skeleton(target: str) -> None:
    """Make empty copies of the shared directories under `target`, owned by the caller."""
    for top in shared_directories():
        os.makedirs(f"{target}/{top}", exist_ok=True)
        _copy_directories(f"/{top}", f"{target}/{top}", _SKELETON_DEPTH)
    for path in {os.path.realpath("/sbin"), os.path.realpath("/usr/sbin")}:
        if os.path.isdir(target + path):
            write_scripts(target + path)


def write_scripts(directory: str, pid_file: str = "/run/init.pid") -> None:
    """Write reboot, poweroff, halt and shutdown into `directory`.

    `pid_file` is the file on the board with the process ID of init.
    """
    signals = (("reboot", "TERM"), ("poweroff", "USR2"), ("halt", "USR1"))
    scripts = {name: f'kill -{signal} "$(cat {pid_file})"\n' for name, signal in signals}
    for name, text in (*scripts.items(), ("shutdown", _SHUTDOWN)):
        path = Path(directory, name)
        path.write_text(f"#!/bin/sh\n{text}", encoding="ascii")
        path.chmod(0o755)


def copy_etc(target: str, source: str = "/etc") -> None:
    """Copy the world-readable files of /etc, without keys, shadow and large files."""
    shutil.copytree(
        source,
        target,
        symlinks=True,
        ignore=_list_private,
        copy_function=_copy,
        dirs_exist_ok=True,
    )
    for directory, _, _ in os.walk(target):
        os.chmod(directory, 0o755)  # noqa: S103 - the /etc of a board
    os.makedirs(f"{target}/simulated", exist_ok=True)
    for name, text in (
        ("nsswitch.conf", _NSSWITCH),
        ("resolv.conf", ""),
        ("fstab", ""),
        ("shadow", "root::15857:0:99999:7:::\n"),
    ):
        _replace(f"{target}/{name}", text)
    _replace(f"{target}/passwd", _make_passwd(f"{source}/passwd"))


def fill_root(root: str) -> None:
    """Make the directories and links of a new root."""
    for path in _EMPTY_DIRECTORIES:
        os.makedirs(f"{root}/{path}", exist_ok=True)
    for path, mode in (("tmp", 0o1777), ("var/tmp", 0o1777), ("run", 0o755), ("root", 0o700)):
        os.makedirs(f"{root}/{path}", exist_ok=True)
        os.chmod(f"{root}/{path}", mode)
    for name, target in (*shared_links().items(), ("var/run", "/run"), ("var/lock", "/run/lock")):
        with contextlib.suppress(FileExistsError):
            os.symlink(target, f"{root}/{name}")
    for path in shared_directories():
        os.makedirs(f"{root}/{path}", exist_ok=True)


def fill_dev(dev: str, *terminals: str) -> None:
    """Make the links and directories of /dev, and files to mount the devices on."""
    for name, target in _DEVICE_LINKS.items():
        os.symlink(target, f"{dev}/{name}")
    for name in ("pts", "shm"):
        os.mkdir(f"{dev}/{name}")
    for name in (*DEVICES, *terminals, "console"):
        Path(dev, name).touch()


def name_board(root: str, name: str, hosts: str) -> None:
    """Write /etc/hostname and /etc/hosts."""
    _replace(f"{root}/etc/hostname", name + "\n")
    _replace(f"{root}/etc/hosts", hosts)


def python_of_this_process(path: str = init_process.PATH) -> str | None:
    """Return the prefix of this Python if boards need it; None if the host has a python3."""
    import sys

    found = shutil.which("python3", path=path)
    if found and os.path.realpath(found).split("/")[1] in SHARED:
        return None
    prefix = os.path.realpath(sys.base_prefix)
    return None if prefix.split("/")[1] in SHARED else prefix


def link_python(target: str, prefix: str) -> None:
    """Add a python3 to the PATH that links to the one under `prefix`."""
    os.makedirs(f"{target}/usr/local/bin", exist_ok=True)
    with contextlib.suppress(FileExistsError):
        os.symlink(f"{prefix}/bin/python3", f"{target}/usr/local/bin/python3")


def _is_directory(path: str) -> bool:
    try:
        return stat.S_ISDIR(os.lstat(path).st_mode)
    except FileNotFoundError:
        return False


def _copy_directories(source: str, target: str, depth: int) -> None:
    with contextlib.suppress(PermissionError), os.scandir(source) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                place = f"{target}/{entry.name}"
                os.mkdir(place)
                if depth > 1:
                    _copy_directories(entry.path, place, depth - 1)


def _list_private(directory: str, names: list[str]) -> set[str]:
    """Return the names that must not be copied."""
    skipped = set()
    for name in names:
        path = f"{directory}/{name}"
        status = os.lstat(path)
        kind = stat.S_IFMT(status.st_mode)
        if kind == stat.S_IFLNK:
            continue
        readable = status.st_mode & (0o005 if kind == stat.S_IFDIR else 0o004)
        if (
            kind not in {stat.S_IFREG, stat.S_IFDIR}
            or not readable
            or (kind == stat.S_IFREG and status.st_size > _MAX_ETC_FILE_BYTES)
        ):
            skipped.add(name)
    return skipped


def _copy(source: str, target: str) -> None:
    """Copy content and mode, but not the times."""
    with contextlib.suppress(PermissionError):
        shutil.copyfile(source, target)
        shutil.copymode(source, target)
        os.chmod(target, os.stat(target).st_mode | 0o600)


def _replace(path: str, text: str) -> None:
    """Write a new file, also in place of a link."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def _make_passwd(source: str) -> str:
    """Return the passwd of the host, with a root whose shell and home exist on the board."""
    root = "root::0:0:root:/root:/bin/sh\n"
    try:
        with open(source, encoding="utf-8", errors="replace") as file:
            return root + "".join(line for line in file if not line.startswith("root:"))
    except FileNotFoundError:
        return root
