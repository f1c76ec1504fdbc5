"""Packing the partitions of an image into tarballs, without root or mount."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tarfile
import tempfile
from typing import TYPE_CHECKING

from ..errors import DeployError
from . import ext, partitions, unpack_ext
from .fat import FatVolume

if TYPE_CHECKING:
    from pathlib import Path

    from ..deadline import Deadline
    from .mbr import Partition

MAX_DEPTH = 16  # nested directories
PACK_TIMEOUT_S = 3600.0  # enough for a large root file system


def write_boot_tarball(image: Path, target: Path) -> None:
    """Write the files of partition 1, a FAT, to the gzip tar `target`.

    Raise `DeployError` for an image that cannot be used.
    """
    with image.open("rb") as disk, tarfile.open(target, "w:gz", compresslevel=1) as tar:
        table = partitions.read(disk)
        part = _required(table.boot, "boot", partitions.BOOT_NUMBER)
        volume = FatVolume(disk, part.start, part.size)
        _add_directory(tar, volume, "", MAX_DEPTH)


def write_root_tarball(image: Path, target: Path, deadline: Deadline) -> None:
    """Write the files of partition 2, an ext, to the gzip tar `target`.

    debugfs extracts them under fakeroot, which keeps owners and modes. Raise `DeployError`,
    or what `deadline` raises.
    """
    with image.open("rb") as disk:
        table = partitions.read(disk)
        offset = _required(table.root, "root", partitions.ROOT_NUMBER).start
        ext.label(disk, offset)  # `DeployError` if it is none
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        words = [
            *(_find_program("fakeroot", "fakeroot"), sys.executable, "-I", unpack_ext.__file__),
            *(_find_program("debugfs", "e2fsprogs"), _find_program("tar", "tar")),
            *(f"{image}?offset={offset}", folder, str(target)),
        ]
        try:
            done = subprocess.run(
                words,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                check=False,
                timeout=deadline.within(PACK_TIMEOUT_S),
                env={**os.environ, "LC_ALL": "C"},
            )
        except subprocess.TimeoutExpired:
            deadline.check("packing the root file system")
            raise DeployError("packing the root file system timed out") from None
    errors = ext.debugfs_errors(done.stderr)
    if done.returncode or errors:
        raise DeployError(f"unpacking the root file system failed: {(errors or ['?'])[0]}")


def _add_directory(tar: tarfile.TarFile, volume: FatVolume, directory: str, levels: int) -> None:
    if not levels:
        raise DeployError("the directories of the boot partition form a cycle")
    for entry in volume.entries(directory):
        if entry.name in {".", ".."}:
            continue
        path = f"{directory}/{entry.name}".lstrip("/")
        member = tarfile.TarInfo(path)
        member.mode = 0o755
        if entry.is_directory:
            member.type = tarfile.DIRTYPE
            tar.addfile(member)
            _add_directory(tar, volume, path, levels - 1)
        else:
            content = volume.read(path)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))


def _required(part: Partition | None, what: str, number: int) -> Partition:
    if part is None:
        raise DeployError(f"the image has no partition {number} ({what})")
    return part


def _find_program(name: str, package: str) -> str:
    found = ext.find_program(name)
    if found is None:
        raise DeployError(f"deployment by master image needs {name}: apt-get install {package}")
    return found
