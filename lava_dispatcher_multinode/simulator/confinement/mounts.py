"""The mounts of a board: its own files over those of the host, and the usual file systems.

The functions run in the mount namespace of the job. Paths are relative to the store of the
job, or to the directory of the board in it.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from . import refusals, rootfs, syscalls

if TYPE_CHECKING:
    from .confinement import ConfinedBoard

_WRITABLE_SIZE = "1g"  # of the writable layer of a board, in memory


def mount_writable_layer(board: ConfinedBoard) -> bool:
    """Mount the writable layer of the board unless it exists; return True if it is new."""
    place = f"boards/{board.number}"
    generation = Path(place, "generation")
    if generation.exists() and generation.read_text(encoding="ascii") == str(board.generation):
        return False
    if generation.exists():
        syscalls.umount(place)
    os.makedirs(place, exist_ok=True)
    syscalls.mount(
        "tmpfs",
        place,
        "tmpfs",
        syscalls.MS_NOSUID | syscalls.MS_NODEV,
        f"mode=755,size={_WRITABLE_SIZE}",
    )
    for top in (*rootfs.shared_directories(), "etc"):
        os.makedirs(f"{place}/upper/{top}")
        os.makedirs(f"{place}/work/{top}")
    rootfs.fill_root(f"{place}/root")
    generation.write_text(str(board.generation), encoding="ascii")
    return True


def mount_overlay(top: str) -> None:
    """Mount the files of the board over the skeleton, over those of the host."""
    lower = f"../../skeleton/{top}" + ("" if top == "etc" else f":/{top}")
    options = f"lowerdir={lower},upperdir=upper/{top},workdir=work/{top},userxattr"
    syscalls.mount("overlay", f"root/{top}", "overlay", 0, options)


def overlay_refusal() -> str:
    """Return why this kernel refuses overlays in user namespaces, "" if it does not."""
    for name in ("upper", "work", "merged"):
        os.makedirs(f"trial/{name}")
    options = "lowerdir=skeleton/usr:/usr,upperdir=trial/upper,workdir=trial/work,userxattr"
    try:
        syscalls.mount("overlay", "trial/merged", "overlay", 0, options)
        os.mkdir("trial/merged/local/trial")
    except OSError as error:
        if error.errno in refusals.SHORTAGE:
            raise
        return refusals.describe("overlay", error)
    syscalls.umount("trial/merged")
    return ""


def mount_read_only(*, fresh: bool) -> None:
    """Mount the programs of the host read-only and copy /etc, for a kernel without overlays."""
    import shutil

    for top in rootfs.shared_directories():
        syscalls.bind(f"/{top}", f"root/{top}", read_only=True)
    if fresh:
        shutil.copytree("../../skeleton/etc", "root/etc", symlinks=True, dirs_exist_ok=True)
        os.makedirs(f"root{rootfs.OWN_BIN}")
        rootfs.write_scripts(f"root{rootfs.OWN_BIN}")


def mount_system(root: str, terminal: str, serial_port: str) -> None:
    """Mount /proc, /dev, /run and /tmp, with the terminal as console and as `serial_port`."""
    flags = syscalls.MS_NOSUID | syscalls.MS_NODEV
    # A container with a masked /proc may not mount another one, for no pid namespace.
    with refusals.detect_refusal("mount proc", refusals.POLICY):
        syscalls.mount("proc", f"{root}/proc", "proc", flags | syscalls.MS_NOEXEC)
    syscalls.mount("tmpfs", f"{root}/run", "tmpfs", flags, "mode=755,size=64m")
    syscalls.mount(
        "tmpfs",
        f"{root}/tmp",  # noqa: S108 - in the board
        "tmpfs",
        flags,
        "mode=1777,size=512m",
    )
    syscalls.mount("tmpfs", f"{root}/dev", "tmpfs", syscalls.MS_NOSUID, "mode=755,size=1m")
    rootfs.fill_dev(f"{root}/dev", serial_port)
    for name in rootfs.DEVICES:
        syscalls.bind(f"/dev/{name}", f"{root}/dev/{name}")
    for name in (serial_port, "console"):
        syscalls.bind(terminal, f"{root}/dev/{name}")
    syscalls.mount(
        "tmpfs",
        f"{root}/dev/shm",  # noqa: S108 - in the board
        "tmpfs",
        flags,
        "mode=1777,size=64m",
    )
    syscalls.mount(
        "devpts",
        f"{root}/dev/pts",
        "devpts",
        syscalls.MS_NOSUID,
        "newinstance,ptmxmode=0666,mode=0620",
    )
