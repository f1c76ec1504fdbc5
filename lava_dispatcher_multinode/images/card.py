"""Writing a disk image to an SD card: unchanged, or in the master layout of 2013.

In the master layout, the boot partition of the image becomes partition 3, a FAT with the
label testboot, and its root becomes partition 5, an ext with the label testrootfs, inside
the extended partition 4. Partition 1 is a FAT with the boot loader of the image, where
boards expect it. Partition 2 is empty and only keeps the numbers.

The written data is read back and compared before anything else uses the card.
"""

from __future__ import annotations

import errno
import hashlib
import io
import os
import stat
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, BinaryIO, NamedTuple

from ..errors import DeployError
from . import boot_loader, ext, mbr
from .fat import FatVolume

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    Progress = Callable[[int, int | None], None]

CHUNK_BYTES = 1 << 20
MIB = 1 << 20
MIN_FREE_BYTES = 256 * MIB  # left on the disk of a card file
UNCHECKED_BYTES = 64 * MIB  # of a card file, written without a check of the free space
MAX_IMAGE_BYTES = 1 << 63
HEAD_BYTES = 4096  # of a partition; they show its file system
UNUSED_PARTITION_BYTES = 1 * MIB
BOOT_LABEL, ROOT_LABEL = "testboot", "testrootfs"
LAYOUTS = ("image", "master")
ROOT_OF_MASTER = 5  # the root partition of the layout "master"


def write_card(
    image: IO[bytes] | Path,
    target: Path,
    layout: str,
    progress: Progress | None = None,
) -> tuple[str, ...]:
    """Write `image` to `target`, a new sparse file or a block device.

    Return the boot loader files that the image lacks in the layout "master". `image` may
    be a stream, which is read once. `progress(done, total)` gets bytes; the total of a
    stream is None. Raise `DeployError` if the image or the target cannot be used; the
    target is then not bootable.
    """
    if layout not in LAYOUTS:
        raise DeployError(f"unknown card layout '{layout}': one of {', '.join(LAYOUTS)}")
    report = progress or (lambda _done, _total: None)
    missing: tuple[str, ...] = ()
    try:
        with _open_image(image) as source, _open_card(target) as card:
            if layout == "image":
                copies = [_write_unchanged(source, card, report)]
            else:
                copies, missing = _write_master(source, card, report)
            _verify(card, copies, report)
            if layout == "master":
                _set_labels(card)
    except OSError as error:
        reason = error.strerror or error
        raise DeployError(f"writing the card {target} failed: {reason}") from error
    return missing


class Copy(NamedTuple):
    """A written area: its place, size and digest."""

    to: int
    size: int
    digest: bytes


@contextmanager
def _open_image(image: IO[bytes] | Path) -> Iterator[IO[bytes]]:
    if isinstance(image, Path):
        with image.open("rb") as source:
            yield source
    else:
        yield image


@contextmanager
def _open_card(path: Path) -> Iterator[BinaryIO]:
    """Open the card for reading and writing; a file is truncated, a device is not."""
    device = path.exists() and stat.S_ISBLK(path.stat().st_mode)
    with path.open("r+b" if device else "w+b") as card:
        yield card
        card.flush()
        if device:
            os.fsync(card.fileno())


class _ForwardReader:
    """A stream that is read forward, with a look ahead."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._at = 0
        self._ahead = b""

    def read(self, size: int, /) -> bytes:
        data = self.peek(size)
        self._ahead = self._ahead[size:]
        self._at += len(data)
        return data

    def peek(self, size: int) -> bytes:
        if len(self._ahead) < size:
            self._ahead += self._stream.read(size - len(self._ahead))
        return self._ahead[:size]

    def skip_to(self, place: int, on_chunk: Callable[[], None]) -> None:
        """Read up to `place` or the end; call `on_chunk` after each chunk."""
        while (left := place - self._at) > 0 and self.read(min(left, CHUNK_BYTES)):
            on_chunk()


def _is_seekable(source: IO[bytes]) -> bool:
    """Return True if the size is known without reading; a decompressor's is not."""
    return isinstance(source, io.BufferedReader | io.BytesIO) and source.seekable()


def _write_unchanged(source: IO[bytes], card: BinaryIO, report: Progress) -> Copy:
    size = mbr.size_of(source) if _is_seekable(source) else None
    if size is not None:
        _allocate(card, size)
    copy = _copy(source, card, 0, size, lambda done: report(done, size))
    if copy.size == 0:
        raise DeployError("the image is empty")
    if size is None:
        _allocate(card, copy.size)  # the end may be a hole
    return copy


def _write_master(
    source: IO[bytes], card: BinaryIO, report: Progress
) -> tuple[list[Copy], tuple[str, ...]]:
    image = _ForwardReader(source)
    boot, root = _find_partitions(source, image)
    p1 = mbr.Partition(1, MIB, boot_loader.GEOMETRY.size, mbr.FAT16)
    p2 = mbr.Partition(2, _end(p1), UNUSED_PARTITION_BYTES, mbr.LINUX)
    p3 = mbr.Partition(3, _end(p2), boot.size, boot.type)
    outer = _end(p3)
    p5 = mbr.Partition(5, outer + MIB, root.size, mbr.LINUX)
    p4 = mbr.Partition(4, outer, p5.start + p5.size - outer, mbr.EXTENDED[1])
    _allocate(card, p4.start + p4.size)
    total, done = boot.size + root.size + p1.size, 0
    copies = []
    for part, place in sorted(((boot, p3), (root, p5)), key=lambda pair: pair[0].start):

        def report_part(size: int = 0, before: int = done) -> None:
            report(before + size, total)

        image.skip_to(part.start, report_part)
        _check_head(part, image.peek(HEAD_BYTES))
        copies.append(_copy(image, card, place.start, part.size, report_part))
        done += part.size
    if not _is_seekable(source):
        # Damage to a compressed image may only show at its end.
        image.skip_to(MAX_IMAGE_BYTES, lambda: report(done, total))
    files = boot_loader.read_files(FatVolume(card, p3.start, p3.size))
    volume = io.BytesIO(boot_loader.make_volume(files, p1.start))
    copies.append(_copy(volume, card, p1.start, p1.size, lambda size: report(done + size, total)))
    # The boot ROM reads MLO from the active partition.
    active = p1 if boot_loader.FIRST in files else p3
    table = (p._replace(bootable=p is active) for p in (p1, p2, p3, p4, p5))
    mbr.write(card, table)
    return copies, boot_loader.list_missing(files)


def _set_labels(card: BinaryIO) -> None:
    """Set the labels that the boot commands of 2013 use."""
    found = {partition.number: partition for partition in mbr.read(card)}
    volume = FatVolume(card, found[3].start, found[3].size)
    volume.set_label(BOOT_LABEL)
    volume.set_hidden_sectors(found[3].start // mbr.SECTOR)
    ext.set_label(card, found[5].start, ROOT_LABEL)


def _find_partitions(
    source: IO[bytes], image: _ForwardReader
) -> tuple[mbr.Partition, mbr.Partition]:
    """Return the boot and the root partition of the image."""
    if _is_seekable(source):
        partitions = mbr.read(source)
        source.seek(0)
    else:
        partitions = mbr.parse_table(image.peek(mbr.SECTOR))
    found = {partition.number: partition for partition in partitions}
    for number, what in ((1, "boot"), (2, "root")):
        if number not in found:
            raise DeployError(f"the image has no partition {number} ({what})")
    return found[1], found[2]


def _check_head(part: mbr.Partition, head: bytes) -> None:
    """Raise `DeployError` unless the partition starts like its file system."""
    try:
        if part.number == 1:
            FatVolume(io.BytesIO(head), 0, part.size)
        else:
            ext.label(io.BytesIO(head), 0)
    except DeployError as error:
        what = "boot" if part.number == 1 else "root"
        raise DeployError(f"partition {part.number} of the image ({what}): {error}") from error


def _end(partition: mbr.Partition) -> int:
    """Return the end of the partition, rounded up to a MiB."""
    return -(-(partition.start + partition.size) // MIB) * MIB


def _allocate(card: BinaryIO, size: int) -> None:
    if stat.S_ISREG(os.fstat(card.fileno()).st_mode):
        card.truncate(size)
    elif (available := mbr.size_of(card)) < size:
        raise DeployError(f"the card has {available} bytes; the image needs {size}")


def _copy(
    source: IO[bytes] | _ForwardReader,
    card: BinaryIO,
    to: int,
    size: int | None,
    report: Callable[[int], None],
) -> Copy:
    """Copy `size` bytes (None: all); zeros become holes if the card is a file."""
    sparse = stat.S_ISREG(os.fstat(card.fileno()).st_mode)
    digest = hashlib.blake2b()
    done = taken = 0
    while size is None or done < size:
        chunk = source.read(CHUNK_BYTES if size is None else min(CHUNK_BYTES, size - done))
        if not chunk:
            if size is None:
                break
            raise DeployError(f"the image is truncated: {size - done} bytes missing")
        digest.update(chunk)
        if not sparse or chunk.strip(b"\0"):
            taken += len(chunk)
            if sparse and taken > UNCHECKED_BYTES and _free_bytes(card) < MIN_FREE_BYTES:
                text = f"less than {MIN_FREE_BYTES // MIB} MiB are free on the disk of {card.name}"
                raise DeployError(text)
            card.seek(to + done)
            _write_chunk(card, chunk, to + done)
        done += len(chunk)
        report(done)
    return Copy(to, done, digest.digest())


def _free_bytes(card: BinaryIO) -> int:
    disk = os.fstatvfs(card.fileno())
    return disk.f_bavail * disk.f_frsize


def _write_chunk(card: BinaryIO, chunk: bytes, at: int) -> None:
    try:
        card.write(chunk)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        raise DeployError(f"the card is full after {at} bytes; the image needs more") from error


def _verify(card: BinaryIO, copies: Sequence[Copy], report: Progress) -> None:
    """Read back and compare, from the medium rather than from the page cache."""
    total = sum(copy.size for copy in copies)
    card.flush()
    if not stat.S_ISREG(os.fstat(card.fileno()).st_mode):
        os.fsync(card.fileno())
        os.posix_fadvise(card.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    for copy in copies:
        digest = hashlib.blake2b()
        card.seek(copy.to)
        done = 0
        while done < copy.size:
            chunk = card.read(min(CHUNK_BYTES, copy.size - done))
            if not chunk:
                break
            digest.update(chunk)
            done += len(chunk)
            report(total, total)  # lets a deadline end the verification
        if digest.digest() != copy.digest:
            raise DeployError(
                f"the card differs from the written data in bytes {copy.to} to "
                f"{copy.to + copy.size}: it is worn out, or smaller than it claims"
            )
