"""The partitions of an image as tarballs, for a board that unpacks them: no root, no mount."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from typing import TYPE_CHECKING, BinaryIO

from ..errors import DeployError
from . import ext, mbr, unpack_ext
from .fat import FatVolume

if TYPE_CHECKING:
    from pathlib import Path

    from ..deadline import Deadline

SYSTEM_PATH = "/usr/sbin:/sbin"
DEEPEST = 16  # directories in one another
WAIT = 3600.0  # seconds for a large root


def boot_tarball(image: Path, target: Path) -> None:
    """Write the files of partition 1, a FAT, to the gzip tar `target`."""
    with image.open("rb") as disk, tarfile.open(target, "w:gz", compresslevel=1) as tar:
        part = _partition(disk, 1)
        volume = FatVolume(disk, part.start, part.size)
        _add(tar, volume, "", DEEPEST)


def root_tarball(image: Path, target: Path, deadline: Deadline) -> None:
    """Write the files of partition 2, an ext, to the gzip tar `target`, owners and all.

    debugfs has them; who pretends to be root (fakeroot) keeps their owners and modes.
    """
    with image.open("rb") as disk:
        offset = _partition(disk, 2).start
        ext.label(disk, offset)  # `DeployError` if it is none
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        # Owners and modes are kept by root, or by whoever is made to believe to be root.
        words = [
            *(_program("fakeroot", "fakeroot"), sys.executable, "-I", unpack_ext.__file__),
            *(_program("debugfs", "e2fsprogs"), _program("tar", "tar")),
            *(f"{image}?offset={offset}", folder, str(target)),
        ]
        try:
            done = subprocess.run(
                words,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                check=False,
                timeout=deadline.within(WAIT),
                env={**os.environ, "LC_ALL": "C"},
            )
        except subprocess.TimeoutExpired:
            deadline.check("packing the root file system")
            raise DeployError("packing the root file system took too long") from None
    said = done.stderr.decode("utf-8", "backslashreplace").splitlines()
    # debugfs exits with 0 whatever happens; its first line is its version.
    errors = [line for line in said if line.strip() and not line.startswith("debugfs 1.")]
    if done.returncode or errors:
        raise DeployError(f"cannot unpack the root file system: {(errors or said or ['?'])[0]}")


def _add(tar: tarfile.TarFile, volume: FatVolume, directory: str, levels: int) -> None:
    if not levels:
        raise DeployError("the boot partition's directories go in a circle")
    for entry in volume.entries(directory):
        if entry.name in {".", ".."}:
            continue
        path = f"{directory}/{entry.name}".lstrip("/")
        member = tarfile.TarInfo(path)
        member.mode = 0o755
        if entry.is_directory:
            member.type = tarfile.DIRTYPE
            tar.addfile(member)
            _add(tar, volume, path, levels - 1)
        else:
            content = volume.read(path)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))


def _partition(disk: BinaryIO, number: int) -> mbr.Partition:
    for part in mbr.read(disk):
        if part.number == number:
            return part
    raise DeployError(f"the image has no partition {number}")


def _program(name: str, package: str) -> str:
    found = shutil.which(name) or shutil.which(name, path=SYSTEM_PATH)
    if found is None:
        raise DeployError(f"deploying by a master image needs {name}: apt-get install {package}")
    return found
