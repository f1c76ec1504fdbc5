"""The card layout of LAVA's master images of 2013.

The boot partition of the image becomes partition 3, a FAT with the label testboot, and its
root becomes partition 5, an ext with the label testrootfs, inside the extended partition 4.
Partition 1 is a FAT with the boot loader of the image, where boards expect it. Partition 2
is empty and only keeps the numbers.
"""

from __future__ import annotations

import io
from typing import BinaryIO

from ..errors import DeployError
from . import boot_loader, card_io, ext, mbr
from .card_io import MIB
from .fat import FatVolume

MAX_IMAGE_BYTES = 1 << 63
HEAD_BYTES = 4096  # of a partition; they show its file system
UNUSED_PARTITION_BYTES = 1 * MIB
BOOT_LABEL, ROOT_LABEL = "testboot", "testrootfs"
ROOT_NUMBER = 5  # of the root partition


def write_master(
    image: card_io.ForwardReader, card: BinaryIO, report: card_io.Progress
) -> tuple[list[card_io.Copy], tuple[str, ...]]:
    """Write boot, root and table; return the areas and the boot loader files that are missing."""
    boot, root = _find_partitions(image)
    p1 = mbr.Partition(1, MIB, boot_loader.GEOMETRY.size, mbr.FAT16)
    p2 = mbr.Partition(2, _end(p1), UNUSED_PARTITION_BYTES, mbr.LINUX)
    p3 = mbr.Partition(3, _end(p2), boot.size, mbr.FAT32 if boot.purpose else boot.type)
    outer = _end(p3)
    p5 = mbr.Partition(5, outer + MIB, root.size, mbr.LINUX)
    p4 = mbr.Partition(4, outer, p5.start + p5.size - outer, mbr.EXTENDED[1])
    card_io.allocate(card, p4.start + p4.size)
    total, done = boot.size + root.size + p1.size, 0
    copies = []
    for part, place in sorted(((boot, p3), (root, p5)), key=lambda pair: pair[0].start):

        def report_part(size: int = 0, before: int = done) -> None:
            report(before + size, total)

        image.skip_to(part.start, report_part)
        _check_head(part, "boot" if part is boot else "root", image.peek(HEAD_BYTES))
        copies.append(card_io.copy(image, card, place.start, part.size, report_part))
        done += part.size
    if image.size is None:
        # Damage to a compressed image may only show at its end.
        image.skip_to(MAX_IMAGE_BYTES, lambda: report(done, total))
    files = boot_loader.read_files(FatVolume(card, p3.start, p3.size))
    volume = io.BytesIO(boot_loader.make_volume(files, p1.start))
    copies.append(
        card_io.copy(volume, card, p1.start, p1.size, lambda size: report(done + size, total))
    )
    # The boot ROM reads MLO from the active partition.
    active = p1 if boot_loader.FIRST in files else p3
    table = (p._replace(bootable=p is active) for p in (p1, p2, p3, p4, p5))
    mbr.write(card, table)
    return copies, boot_loader.list_missing(files)


def set_labels(card: BinaryIO) -> None:
    """Set the labels that the boot commands of 2013 use."""
    found = {partition.number: partition for partition in mbr.read(card)}
    volume = FatVolume(card, found[3].start, found[3].size)
    volume.set_label(BOOT_LABEL)
    volume.set_hidden_sectors(found[3].start // mbr.SECTOR)
    ext.set_label(card, found[5].start, ROOT_LABEL)


def _find_partitions(image: card_io.ForwardReader) -> tuple[mbr.Partition, mbr.Partition]:
    """Return the boot and the root partition of the image."""
    table = image.read_table()
    for part, number, what in ((table.boot, 1, "boot"), (table.root, 2, "root")):
        if part is None or part.extended:
            raise DeployError(f"the image has no partition {number} ({what})")
    assert table.boot is not None
    assert table.root is not None
    return table.boot, table.root


def _check_head(part: mbr.Partition, what: str, head: bytes) -> None:
    """Raise `DeployError` unless the partition starts like its file system."""
    try:
        if what == "boot":
            FatVolume(io.BytesIO(head), 0, part.size)
        else:
            ext.label(io.BytesIO(head), 0)
    except DeployError as error:
        raise DeployError(f"partition {part.number} of the image ({what}): {error}") from error


def _end(partition: mbr.Partition) -> int:
    """Return the end of the partition, rounded up to a MiB."""
    return -(-(partition.start + partition.size) // MIB) * MIB
