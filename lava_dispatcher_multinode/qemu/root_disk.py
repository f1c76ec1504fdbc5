"""The raw disk of an emulated board, from what a job names as its image.

A raw disk is used as it is. A qcow2 becomes raw; a tar archive, a directory and a squashfs
become an ext4 without partitions. Live images have their root in a squashfs inside a file
system, or in a file system inside a squashfs: that is what the board gets.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
import time
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING

from ..errors import DeployError, ImageError
from ..images import ext, formats, inject, partitions, qcow2
from ..images.progress import ProgressReporter
from ..images.store import Image
from .root_make import archive_members, directory_members, make_root

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ..deadline import Deadline

    Step = Callable[[str], None]

#: Where live images have the squashfs with the root file system.
LIVE_SQUASHFS = (
    "/live/filesystem.squashfs",
    "/casper/filesystem.squashfs",
    "/LiveOS/squashfs.img",
)
#: Where a squashfs of a live image has the root file system.
LIVE_ROOT = "LiveOS/rootfs.img"
MIN_FREE_BYTES = 256 << 20  # left on this host's disk
CONVERT_TIMEOUT_S = 3600.0
_LEAKS = 3  # exit code of `qemu-img check`: clusters in no use, but no damage
_POLL_S = 0.2  # between two looks at the free space, while a program writes
_READ_BYTES = 1 << 20
MBR_SIGNATURE = b"\x55\xaa"  # ends the first sector of a partitioned disk


def as_disk(image: Image, deadline: Deadline, step: Step) -> Image:
    """Return `image` as a raw disk, made once for all boards; raise `DeployError`."""
    if image.path.is_dir():
        return _made(
            image, "directory.img", lambda path: _from_directory(image, path, deadline, step)
        )
    with image.open() as stream:
        head = stream.read(formats.HEAD_BYTES)
    if head.startswith(qcow2.MAGIC):
        return _made(image, "qcow2.img", lambda path: _from_qcow2(image, path, deadline, step))
    form = formats.find(head)
    if form is formats.TAR:
        return _made(image, "tar.img", lambda path: _from_tar(image, path, deadline, step))
    if head.startswith(formats.SQUASHFS):
        return _made(
            image, "squashfs.img", lambda path: _from_squashfs(image, path, deadline, step)
        )
    if form is not None:
        raise ImageError(f"{image.name}: it is {form.name}, not a disk or a root: {form.remedy}")
    if image.compression and head.endswith(MBR_SIGNATURE):
        return image  # streamed to the card: it is not unpacked to look for a live image
    return _from_live_image(image, deadline, step) or image


def _made(image: Image, suffix: str, make: Callable[[Path], None]) -> Image:
    path = image.cached(suffix, make)
    return Image(image.name, path, path)


def _from_directory(image: Image, target: Path, deadline: Deadline, step: Step) -> None:
    step(f"making a root file system of {image.name}")
    own = os.geteuid()  # root's files are root's already
    progress = ProgressReporter(f"reading {image.name}", step, deadline)
    try:
        make_root(target, directory_members(image.path, own), image.name, progress)
    except OSError as error:
        raise ImageError(f"{image.name}: {error.filename}: {error.strerror}") from error


def _from_tar(image: Image, target: Path, deadline: Deadline, step: Step) -> None:
    step(f"making a root file system of {image.name}")
    progress = ProgressReporter(f"unpacking {image.name}", step, deadline)
    with image.open() as stream:
        make_root(target, archive_members(stream), image.name, progress)


def _from_qcow2(image: Image, target: Path, deadline: Deadline, step: Step) -> None:
    disk = image.unpacked(deadline, step)
    with disk.open("rb") as file:
        try:
            qcow2.read_header(file)
        except DeployError as error:
            raise ImageError(f"{image.name}: {error}") from error
    step(f"converting {image.name}")
    program = _find_program("qemu-img", "qemu-utils")
    # `file:` keeps a path with a colon from being taken for a protocol.
    source = f"file:{disk}"
    _run_bounded(
        [program, "check", "-q", "-f", "qcow2", source], target, image.name, deadline, (0, _LEAKS)
    )
    words = [program, "convert", "-f", "qcow2", "-O", "raw", source, f"file:{target}"]
    _run_bounded(words, target, image.name, deadline)


def _from_squashfs(image: Image, target: Path, deadline: Deadline, step: Step) -> None:
    _unpack_squashfs(image.unpacked(deadline, step), target, image.name, deadline, step)


def _from_live_image(image: Image, deadline: Deadline, step: Step) -> Image | None:
    """Return the root inside a live image; None if the image is none."""
    disk = image.unpacked(deadline, step)
    for offset in _ext_offsets(disk):
        found = inject.list_existing(disk, offset, LIVE_SQUASHFS, deadline)
        if found:

            def make(target: Path, where: int = offset, path: str = found[0]) -> None:
                inner = target.with_suffix(".squashfs")
                step(f"{image.name} is a live image: taking {path} from it")
                _check_free(disk.stat().st_size, target.parent, image.name)
                try:
                    inject.dump_file(disk, where, path, inner, deadline)
                    _unpack_squashfs(inner, target, f"{image.name}: {path}", deadline, step)
                finally:
                    inner.unlink(missing_ok=True)

            return _made(image, "live.img", make)
    return None


def _ext_offsets(disk: Path) -> list[int]:
    """Return where the ext file systems of a disk begin."""
    with disk.open("rb") as file:
        try:
            table = partitions.read(file)
        except DeployError:
            return []  # the deployment reports it
        return [part.start for part in table.partitions if partitions.is_ext(file, part)]


def _unpack_squashfs(
    source: Path, target: Path, name: str, deadline: Deadline, step: Step
) -> None:
    """Make an ext4 of a squashfs, or take the root file system that it contains."""
    step(f"making a root file system of {name}")
    progress = ProgressReporter(f"unpacking {name}", step, deadline)
    with _as_tar(source, name) as stream:
        members = archive_members(stream)
        first = []
        for member, content in members:
            if member.name.removeprefix("./") == LIVE_ROOT and content is not None:
                _copy(content, target, name, progress)
                return
            first.append((member, content))
            if member.isreg() or len(first) > len(LIVE_ROOT.split("/")):
                break  # a live image has nothing else

        make_root(target, chain(first, members), name, progress)


@contextmanager
def _as_tar(source: Path, name: str) -> Iterator[IO[bytes]]:
    """Give a context with the files of a squashfs as a tar archive."""
    words = [_find_program("sqfs2tar", "squashfs-tools-ng"), "-s", str(source)]
    with (
        TemporaryFile() as errors,
        subprocess.Popen(
            words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors
        ) as process,
    ):
        assert process.stdout is not None
        try:
            yield process.stdout
            while process.stdout.read(_READ_BYTES):
                pass  # the end of the archive is padded
            failed = process.wait() != 0
        except tarfile.TarError:
            failed = True
        finally:
            process.kill()
        if failed:
            errors.seek(0)
            reason = (
                errors.read(4096).decode("utf-8", "replace").strip() or "not a usable squashfs"
            )
            raise ImageError(f"{name}: {reason.splitlines()[-1]}")


def _copy(content: IO[bytes], target: Path, name: str, progress: ProgressReporter) -> None:
    done = 0
    with target.open("wb") as file:
        while block := content.read(_READ_BYTES):
            done += len(block)
            progress.report(done, None)
            _check_free(len(block), target.parent, name)
            if block.strip(b"\0"):
                file.write(block)
            else:
                file.seek(len(block), os.SEEK_CUR)
        file.truncate(file.tell())


def _run_bounded(
    words: list[str],
    target: Path,
    name: str,
    deadline: Deadline,
    good: tuple[int, ...] = (0,),
) -> None:
    """Run a program that writes `target`, up to the deadline and the space of the disk."""
    until = time.monotonic() + deadline.within(CONVERT_TIMEOUT_S)
    with (
        TemporaryFile(dir=target.parent) as errors,
        subprocess.Popen(
            words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=errors
        ) as process,
    ):
        try:
            while True:
                try:
                    process.wait(_POLL_S)
                    break
                except subprocess.TimeoutExpired:
                    deadline.check(f"converting {name}")
                    _check_free(0, target.parent, name)
                    if time.monotonic() > until:
                        raise ImageError(f"{name}: {words[0]} timed out") from None
        finally:
            process.kill()
        if process.returncode not in good:
            reason = _first_line(errors) or "it is damaged"
            raise ImageError(f"{name}: {Path(words[0]).name} {words[1]}: {reason}")


def _first_line(errors: IO[bytes]) -> str:
    """Return the first line that a program has written."""
    errors.seek(0)
    return errors.read(4096).decode("utf-8", "replace").strip().partition("\n")[0]


def _check_free(size: int, directory: Path, name: str) -> None:
    if shutil.disk_usage(directory).free - size < MIN_FREE_BYTES:
        raise ImageError(f"{name}: too large for the free space of {directory}")


def _find_program(name: str, package: str) -> str:
    found = ext.find_program(name)
    if found is None:
        raise DeployError(f"this kind of image needs {name}: apt-get install {package}")
    return found
