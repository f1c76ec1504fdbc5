"""Write a disk image to an SD card: as it is, or as the master card of 2013.

The master card keeps a system of its own on partitions 1 and 2. The image's boot
partition becomes 3, a FAT labelled testboot, and its root becomes 5, an ext
labelled testrootfs, inside the extended partition 4.
"""

from __future__ import annotations

import os
import stat
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from ..errors import DeployError
from . import ext, mbr
from .fat import FatVolume

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Progress = Callable[[int, int], None]

CHUNK = 1 << 20
MIB = 1 << 20
MASTER_BOOT = 1 * MIB  # partitions 1 and 2 hold nothing here but their place
MASTER_ROOT = 1 * MIB
BOOT_LABEL, ROOT_LABEL = "testboot", "testrootfs"
LAYOUTS = ("image", "master")


def write_card(
    image: BinaryIO | Path, target: Path, layout: str, progress: Progress | None = None
) -> None:
    """Write `image` to `target`, a file (made anew, sparse) or a block device.

    `progress(done, total)` is called in bytes. Raise `DeployError` where the image
    or the device cannot be used; the target is then not bootable.
    """
    if layout not in LAYOUTS:
        raise DeployError(f"unknown card layout '{layout}': one of {', '.join(LAYOUTS)}")
    report = progress or (lambda _done, _total: None)
    try:
        with _opened(image) as source, _target(target) as card:
            if layout == "image":
                _verbatim(source, card, report)
            else:
                _master(source, card, report)
    except OSError as error:
        raise DeployError(f"cannot write the card {target}: {error}") from error


@contextmanager
def _opened(image: BinaryIO | Path) -> Iterator[BinaryIO]:
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


def _verbatim(source: BinaryIO, card: BinaryIO, report: Progress) -> None:
    size = mbr.size_of(source)
    if size == 0:
        raise DeployError("the image is empty")
    _make_room(card, size)
    _copy(source, 0, card, 0, size, lambda done: report(done, size))


def _master(source: BinaryIO, card: BinaryIO, report: Progress) -> None:
    boot, root = _parts(source)
    p1 = mbr.Partition(1, MIB, MASTER_BOOT, mbr.FAT32_LBA)
    p2 = mbr.Partition(2, _end(p1), MASTER_ROOT, mbr.LINUX)
    p3 = mbr.Partition(3, _end(p2), boot.size, boot.type, bootable=True)
    outer = _end(p3)
    p5 = mbr.Partition(5, outer + MIB, root.size, mbr.LINUX)
    p4 = mbr.Partition(4, outer, p5.start + p5.size - outer, mbr.EXTENDED[1])
    _make_room(card, p4.start + p4.size)
    total = boot.size + root.size
    _copy(source, boot.start, card, p3.start, boot.size, lambda done: report(done, total))
    _copy(
        source, root.start, card, p5.start, root.size, lambda done: report(boot.size + done, total)
    )
    volume = FatVolume(card, p3.start, p3.size)
    volume.set_label(BOOT_LABEL)
    volume.set_hidden_sectors(p3.start // mbr.SECTOR)
    ext.set_label(card, p5.start, ROOT_LABEL)
    mbr.write(card, (p1, p2, p3, p4, p5))


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
    source: BinaryIO,
    start: int,
    card: BinaryIO,
    to: int,
    size: int,
    report: Callable[[int], None],
) -> None:
    """Copy `size` bytes; zeros become holes where the card is a file."""
    sparse = stat.S_ISREG(os.fstat(card.fileno()).st_mode)
    source.seek(start)
    done = 0
    while done < size:
        chunk = source.read(min(CHUNK, size - done))
        if not chunk:
            raise DeployError(f"the image ended {size - done} bytes early")
        if not sparse or chunk.strip(b"\0"):
            card.seek(to + done)
            card.write(chunk)
        done += len(chunk)
        report(done)
