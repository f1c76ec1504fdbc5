"""Write a disk image to an SD card: as it is, or as the master card of 2013.

On the master card, the image's boot partition becomes 3, a FAT labelled testboot,
and its root becomes 5, an ext labelled testrootfs, inside the extended partition 4.
Partition 1 is a FAT with the image's boot loader, for there a board looks for it;
partition 2 only keeps its number.

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
from typing import IO, TYPE_CHECKING, BinaryIO, NamedTuple, Protocol, cast

from ..errors import DeployError
from . import boot_loader, ext, mbr
from .fat import FatVolume

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    Progress = Callable[[int, int | None], None]

CHUNK = 1 << 20
MIB = 1 << 20
SPARE = 256 * MIB  # of a disk that has the card's file, left to others
LARGE = 64 * MIB  # what a card may take of it anyhow
ENDLESS = 1 << 63
LOOK = 4096  # bytes of a partition that tell what file system it has
MASTER_ROOT = 1 * MIB  # holds nothing
BOOT_LABEL, ROOT_LABEL = "testboot", "testrootfs"
LAYOUTS = ("image", "master")
ROOT_OF_MASTER = 5  # the number of that layout's root partition


def write_card(
    image: BinaryIO | IO[bytes] | Path,
    target: Path,
    layout: str,
    progress: Progress | None = None,
) -> tuple[str, ...]:
    """Write `image` to `target`, a file (made anew, sparse) or a block device.

    Return what the boot loader lacks that the layout `master` copies to partition 1.
    A stream will do: it is read once, from its beginning on.
    `progress(done, total)` is called in bytes; the total of a stream is None.
    Raise `DeployError` where the image or the device cannot be used; the
    target is then not bootable.
    """
    if layout not in LAYOUTS:
        raise DeployError(f"unknown card layout '{layout}': one of {', '.join(LAYOUTS)}")
    report = progress or (lambda _done, _total: None)
    missing: tuple[str, ...] = ()
    try:
        with _opened(image) as source, _target(target) as card:
            if layout == "image":
                copies = [_verbatim(source, card, report)]
            else:
                copies, missing = _master(source, card, report)
            _verify(card, copies, report)
            if layout == "master":
                _label(card)
    except OSError as error:
        reason = error.strerror or error
        raise DeployError(f"cannot write the card {target}: {reason}") from error
    return missing


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


class _Source(Protocol):
    def read(self, size: int, /) -> bytes:
        """Return the next `size` bytes, fewer at the end only."""


class _Forward:
    """A stream that is gone on in, and looked ahead at."""

    def __init__(self, stream: BinaryIO | IO[bytes]) -> None:
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

    def go_to(self, place: int, passing: Callable[[], None]) -> None:
        """Read up to `place`, or to the end; `passing` is called for each piece."""
        while (left := place - self._at) > 0 and self.read(min(left, CHUNK)):
            passing()


def _plain(source: BinaryIO | IO[bytes]) -> bool:
    """Whether it can tell its size without being read whole; a decompressor cannot."""
    return isinstance(source, io.BufferedReader | io.BytesIO) and source.seekable()


def _verbatim(source: BinaryIO | IO[bytes], card: BinaryIO, report: Progress) -> Copy:
    size = mbr.size_of(cast("BinaryIO", source)) if _plain(source) else None
    if size is not None:
        _make_room(card, size)
    copy = _copy(source, card, 0, size, lambda done: report(done, size))
    if copy.size == 0:
        raise DeployError("the image is empty")
    if size is None:
        _make_room(card, copy.size)  # a hole at the end
    return copy


def _master(
    source: BinaryIO | IO[bytes], card: BinaryIO, report: Progress
) -> tuple[list[Copy], tuple[str, ...]]:
    image = _Forward(source)
    boot, root = _parts(source, image)
    p1 = mbr.Partition(1, MIB, boot_loader.SIZE, mbr.FAT16)
    p2 = mbr.Partition(2, _end(p1), MASTER_ROOT, mbr.LINUX)
    p3 = mbr.Partition(3, _end(p2), boot.size, boot.type)
    outer = _end(p3)
    p5 = mbr.Partition(5, outer + MIB, root.size, mbr.LINUX)
    p4 = mbr.Partition(4, outer, p5.start + p5.size - outer, mbr.EXTENDED[1])
    _make_room(card, p4.start + p4.size)
    total, done = boot.size + root.size + p1.size, 0
    copies = []
    for part, place in sorted(((boot, p3), (root, p5)), key=lambda pair: pair[0].start):

        def so_far(size: int = 0, before: int = done) -> None:
            report(before + size, total)

        image.go_to(part.start, so_far)
        _look_into(part, image.peek(LOOK))
        copies.append(_copy(image, card, place.start, part.size, so_far))
        done += part.size
    if not _plain(source):
        # Only what is read to its end is known to be whole.
        image.go_to(ENDLESS, lambda: report(done, total))
    files = boot_loader.files(FatVolume(card, p3.start, p3.size))
    volume = io.BytesIO(boot_loader.volume(files, p1.start))
    copies.append(_copy(volume, card, p1.start, p1.size, lambda size: report(done + size, total)))
    # The boot ROM takes MLO from the active partition.
    active = p1 if boot_loader.FIRST in files else p3
    table = (p._replace(bootable=p is active) for p in (p1, p2, p3, p4, p5))
    mbr.write(card, table)
    return copies, boot_loader.missing(files)


def _label(card: BinaryIO) -> None:
    """Give the partitions the names by which the boot lines of 2013 know them."""
    found = {partition.number: partition for partition in mbr.read(card)}
    volume = FatVolume(card, found[3].start, found[3].size)
    volume.set_label(BOOT_LABEL)
    volume.set_hidden_sectors(found[3].start // mbr.SECTOR)
    ext.set_label(card, found[5].start, ROOT_LABEL)


def _parts(source: BinaryIO | IO[bytes], image: _Forward) -> tuple[mbr.Partition, mbr.Partition]:
    """Return the boot and the root partition of the image."""
    if _plain(source):
        partitions = mbr.read(cast("BinaryIO", source))  # they are inside of it
        source.seek(0)
    else:
        partitions = mbr.table(image.peek(mbr.SECTOR))
    found = {partition.number: partition for partition in partitions}
    for number, what in ((1, "boot"), (2, "root")):
        if number not in found:
            raise DeployError(f"the image has no partition {number} ({what})")
    return found[1], found[2]


def _look_into(part: mbr.Partition, head: bytes) -> None:
    """Raise `DeployError` unless it begins as its file system has to."""
    try:
        if part.number == 1:
            FatVolume(io.BytesIO(head), 0, part.size)
        else:
            ext.label(io.BytesIO(head), 0)
    except DeployError as error:
        what = "boot" if part.number == 1 else "root"
        raise DeployError(f"partition {part.number} of the image ({what}): {error}") from error


def _end(partition: mbr.Partition) -> int:
    """Return where the partition ends, rounded up to a MiB."""
    return -(-(partition.start + partition.size) // MIB) * MIB


def _make_room(card: BinaryIO, size: int) -> None:
    if stat.S_ISREG(os.fstat(card.fileno()).st_mode):
        card.truncate(size)
    elif (room := mbr.size_of(card)) < size:
        raise DeployError(f"the card has {room} bytes; the image needs {size}")


def _copy(
    source: _Source,
    card: BinaryIO,
    to: int,
    size: int | None,
    report: Callable[[int], None],
) -> Copy:
    """Copy `size` bytes (None: all that come); zeros become holes where the card is a file."""
    sparse = stat.S_ISREG(os.fstat(card.fileno()).st_mode)
    digest = hashlib.blake2b()
    done = taken = 0
    while size is None or done < size:
        chunk = source.read(CHUNK if size is None else min(CHUNK, size - done))
        if not chunk:
            if size is None:
                break
            raise DeployError(f"the image ended {size - done} bytes early")
        digest.update(chunk)
        if not sparse or chunk.strip(b"\0"):
            taken += len(chunk)
            if sparse and taken > LARGE and _free(card) < SPARE:
                text = f"less than {SPARE // MIB} MiB are free on the disk of {card.name}"
                raise DeployError(text)
            card.seek(to + done)
            _write(card, chunk, to + done)
        done += len(chunk)
        report(done)
    return Copy(to, done, digest.digest())


def _free(card: BinaryIO) -> int:
    disk = os.fstatvfs(card.fileno())
    return disk.f_bavail * disk.f_frsize


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
