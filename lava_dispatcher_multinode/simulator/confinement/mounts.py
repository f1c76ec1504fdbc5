"""What a board sees as its files: its own over the host's, and what every Linux mounts.

All of it happens in a job's mount namespace; paths start at the job's store, or at the
board's directory in it.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from . import refusals, rootfs, syscalls

if TYPE_CHECKING:
    from .confinement import Site

_BOARD_SIZE = "1g"  # of what a board may write, in memory


def layer(site: Site) -> bool:
    """Mount the board's writable layer unless it is there; return whether it is new."""
    place = f"boards/{site.number}"
    mark = Path(place, "generation")
    if mark.exists() and mark.read_text(encoding="ascii") == str(site.generation):
        return False
    if mark.exists():
        syscalls.umount(place)
    os.makedirs(place, exist_ok=True)
    syscalls.mount(
        "tmpfs",
        place,
        "tmpfs",
        syscalls.MS_NOSUID | syscalls.MS_NODEV,
        f"mode=755,size={_BOARD_SIZE}",
    )
    for top in (*rootfs.shared_directories(), "etc"):
        os.makedirs(f"{place}/upper/{top}")
        os.makedirs(f"{place}/work/{top}")
    rootfs.fill_root(f"{place}/root")
    mark.write_text(str(site.generation), encoding="ascii")
    return True


def overlay(top: str) -> None:
    """Lay the board's own files over the skeleton, over the host's."""
    lower = f"../../skeleton/{top}" + ("" if top == "etc" else f":/{top}")
    options = f"lowerdir={lower},upperdir=upper/{top},workdir=work/{top},userxattr"
    syscalls.mount("overlay", f"root/{top}", "overlay", 0, options)


def overlay_refusal() -> str:
    """Return why this kernel lets no user namespace lay its files over the host's, or ""."""
    for name in ("upper", "work", "merged"):
        os.makedirs(f"trial/{name}")
    options = "lowerdir=skeleton/usr:/usr,upperdir=trial/upper,workdir=trial/work,userxattr"
    try:
        syscalls.mount("overlay", "trial/merged", "overlay", 0, options)
        os.mkdir("trial/merged/local/trial")
    except OSError as error:
        if error.errno in refusals.SHORTAGE:
            raise
        return refusals.described("overlay", error)
    syscalls.umount("trial/merged")
    return ""


def plain(*, fresh: bool) -> None:
    """Do without overlays: the host's programs read-only, /etc copied."""
    import shutil

    for top in rootfs.shared_directories():
        syscalls.bind(f"/{top}", f"root/{top}", read_only=True)
    if fresh:
        shutil.copytree("../../skeleton/etc", "root/etc", symlinks=True, dirs_exist_ok=True)
        os.makedirs(f"root{rootfs.OWN_BIN}")
        rootfs.write_scripts(f"root{rootfs.OWN_BIN}")


def system_mounts(root: str, terminal: str) -> None:
    """Mount what every Linux has: /proc, /dev, /run, /tmp; the console is the terminal."""
    plain = syscalls.MS_NOSUID | syscalls.MS_NODEV
    # A container whose own /proc is masked may have no other: pid namespaces are of no use.
    with refusals.asking("mount proc", refusals.POLICY):
        syscalls.mount("proc", f"{root}/proc", "proc", plain | syscalls.MS_NOEXEC)
    syscalls.mount("tmpfs", f"{root}/run", "tmpfs", plain, "mode=755,size=64m")
    syscalls.mount(
        "tmpfs",
        f"{root}/tmp",  # noqa: S108 - the board's
        "tmpfs",
        plain,
        "mode=1777,size=512m",
    )
    syscalls.mount("tmpfs", f"{root}/dev", "tmpfs", syscalls.MS_NOSUID, "mode=755,size=1m")
    rootfs.fill_dev(f"{root}/dev")
    for name in rootfs.DEVICES:
        syscalls.bind(f"/dev/{name}", f"{root}/dev/{name}")
    for name in ("ttyO2", "console"):
        syscalls.bind(terminal, f"{root}/dev/{name}")
    syscalls.mount(
        "tmpfs",
        f"{root}/dev/shm",  # noqa: S108 - the board's
        "tmpfs",
        plain,
        "mode=1777,size=64m",
    )
    syscalls.mount(
        "devpts",
        f"{root}/dev/pts",
        "devpts",
        syscalls.MS_NOSUID,
        "newinstance,ptmxmode=0666,mode=0620",
    )
