"""Write a disk image to an SD card: as it is, or as the master card of 2013.

The master card keeps a system of its own on partitions 1 and 2. The image's boot
partition becomes 3, a FAT labelled testboot, and its root becomes 5, an ext
labelled testrootfs, inside the extended partition 4.

What was written is read back and compared, before anything else touches the card.
"""

from __future__ import annotations

import errno
import hashlib
import io
import os
import stat
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, BinaryIO, NamedTuple, cast

from ..errors import DeployError
from . import ext, mbr
from .fat import FatVolume

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    Progress = Callable[[int, int | None], None]

CHUNK = 1 << 20
MIB = 1 << 20
MASTER_BOOT = 1 * MIB  # partitions 1 and 2 hold nothing here but their place
MASTER_ROOT = 1 * MIB
BOOT_LABEL, ROOT_LABEL = "testboot", "testrootfs"
LAYOUTS = ("image", "master")
ROOT_OF_MASTER = 5  # the number of that layout's root partition


def write_card(
    image: BinaryIO | IO[bytes] | Path,
    target: Path,
    layout: str,
    progress: Progress | None = None,
) -> None:
    """Write `image` to `target`, a file (made anew, sparse) or a block device.

    For the layout `image` a stream will do; `master` jumps about in it.
    `progress(done, total)` is called in bytes; the total of a stream is None.
    Raise `DeployError` where the image or the device cannot be used; the
    target is then not bootable.
    """
    if layout not in LAYOUTS:
        raise DeployError(f"unknown card layout '{layout}': one of {', '.join(LAYOUTS)}")
    report = progress or (lambda _done, _total: None)
    try:
        with _opened(image) as source, _target(target) as card:
            if layout == "image":
                copies = [_verbatim(source, card, report)]
            else:
                copies = _master(cast("BinaryIO", source), card, report)
            _verify(card, copies, report)
            if layout == "master":
                _label(card)
    except OSError as error:
        reason = error.strerror or error
        raise DeployError(f"cannot write the card {target}: {reason}") from error


class Copy(NamedTuple):
    """What was written: where, how much, and the digest that it must have there."""

    to: int
    size: int
    digest: bytes


@contextmanager
def _opened(image: BinaryIO | IO[bytes] | Path) -> Iterator[BinaryIO | IO[bytes]]:
    if isinstance(image, Path):
        with image.open("rb") as source:
            yield source
    else:
        yield image


@contextmanager
def _target(path: Path) -> Iterator[BinaryIO]:
    """Open the card for reading and writing; a file is empty then, a device is not."""
    device = path.exists() and stat.S_ISBLK(path.stat().st_mode)
    with path.open("r+b" if device else "w+b") as card:
        yield card
        card.flush()
        if device:
            os.fsync(card.fileno())


def _verbatim(source: BinaryIO | IO[bytes], card: BinaryIO, report: Progress) -> Copy:
    # What can tell its size without being read whole; a decompressor cannot.
    plain = isinstance(source, io.BufferedReader | io.BytesIO) and source.seekable()
    size = mbr.size_of(cast("BinaryIO", source)) if plain else None
    if size is not None:
        _make_room(card, size)
    copy = _copy(source, card, 0, size, lambda done: report(done, size))
    if copy.size == 0:
        raise DeployError("the image is empty")
    if size is None:
        _make_room(card, copy.size)  # a hole at the end
    return copy


def _master(source: BinaryIO, card: BinaryIO, report: Progress) -> list[Copy]:
    boot, root = _parts(source)
    p1 = mbr.Partition(1, MIB, MASTER_BOOT, mbr.FAT32_LBA)
    p2 = mbr.Partition(2, _end(p1), MASTER_ROOT, mbr.LINUX)
    p3 = mbr.Partition(3, _end(p2), boot.size, boot.type, bootable=True)
    outer = _end(p3)
    p5 = mbr.Partition(5, outer + MIB, root.size, mbr.LINUX)
    p4 = mbr.Partition(4, outer, p5.start + p5.size - outer, mbr.EXTENDED[1])
    _make_room(card, p4.start + p4.size)
    total = boot.size + root.size
    source.seek(boot.start)
    copies = [_copy(source, card, p3.start, boot.size, lambda done: report(done, total))]
    source.seek(root.start)
    copies.append(
        _copy(source, card, p5.start, root.size, lambda done: report(boot.size + done, total))
    )
    mbr.write(card, (p1, p2, p3, p4, p5))
    return copies


def _label(card: BinaryIO) -> None:
    """Give the partitions the names by which the boot lines of 2013 know them."""
    found = {partition.number: partition for partition in mbr.read(card)}
    volume = FatVolume(card, found[3].start, found[3].size)
    volume.set_label(BOOT_LABEL)
    volume.set_hidden_sectors(found[3].start // mbr.SECTOR)
    ext.set_label(card, found[5].start, ROOT_LABEL)


def _parts(source: BinaryIO) -> tuple[mbr.Partition, mbr.Partition]:
    """Return the boot and the root partition of the image, looked into."""
    found = {partition.number: partition for partition in mbr.read(source)}
    for number, what in ((1, "boot"), (2, "root")):
        if number not in found:
            raise DeployError(f"the image has no partition {number} ({what})")
    boot, root = found[1], found[2]
    try:
        FatVolume(source, boot.start, boot.size)
    except DeployError as error:
        raise DeployError(f"partition 1 of the image (boot): {error}") from error
    try:
        ext.label(source, root.start)
    except DeployError as error:
        raise DeployError(f"partition 2 of the image (root): {error}") from error
    return boot, root


def _end(partition: mbr.Partition) -> int:
    """Return where the partition ends, rounded up to a MiB."""
    return -(-(partition.start + partition.size) // MIB) * MIB


def _make_room(card: BinaryIO, size: int) -> None:
    if stat.S_ISREG(os.fstat(card.fileno()).st_mode):
        card.truncate(size)
    elif (room := mbr.size_of(card)) < size:
        raise DeployError(f"the card has {room} bytes; the image needs {size}")


def _copy(
    source: BinaryIO | IO[bytes],
    card: BinaryIO,
    to: int,
    size: int | None,
    report: Callable[[int], None],
) -> Copy:
    """Copy `size` bytes (None: all that come); zeros become holes where the card is a file."""
    sparse = stat.S_ISREG(os.fstat(card.fileno()).st_mode)
    digest = hashlib.blake2b()
    done = 0
    while size is None or done < size:
        chunk = source.read(CHUNK if size is None else min(CHUNK, size - done))
        if not chunk:
            if size is None:
                break
            raise DeployError(f"the image ended {size - done} bytes early")
        digest.update(chunk)
        if not sparse or chunk.strip(b"\0"):
            card.seek(to + done)
            _write(card, chunk, to + done)
        done += len(chunk)
        report(done)
    return Copy(to, done, digest.digest())


def _write(card: BinaryIO, chunk: bytes, at: int) -> None:
    try:
        card.write(chunk)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        raise DeployError(f"the card is full after {at} bytes; the image needs more") from error


def _verify(card: BinaryIO, copies: Sequence[Copy], report: Progress) -> None:
    """Read back what was written, from the medium rather than from memory."""
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
            chunk = card.read(min(CHUNK, copy.size - done))
            if not chunk:
                break
            digest.update(chunk)
            done += len(chunk)
            report(total, total)  # the place where a deadline ends it
        if digest.digest() != copy.digest:
            raise DeployError(
                f"the card does not hold what was written to it (bytes {copy.to} to "
                f"{copy.to + copy.size}): it is worn out, or larger than it is"
            )
