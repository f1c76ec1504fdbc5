"""The SD card as firmware and kernel read it. Its contents are not trusted."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

from ..errors import DeployError
from ..images import ext, mbr
from ..images import partitions as partition_table
from ..images.fat import FatVolume

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class NoCard(Exception):
    """The card file is missing or empty: an empty slot."""


@contextmanager
def opened(card: Path) -> Iterator[BinaryIO]:
    """Open the card for reading; raise `NoCard`."""
    try:
        disk = card.open("rb")
    except FileNotFoundError as error:
        raise NoCard from error
    with disk:
        if mbr.size_of(disk) == 0:
            raise NoCard
        yield disk


def partitions(card: Path) -> tuple[mbr.Partition, ...]:
    """Return the partitions; none if the card has no table or a broken one."""
    try:
        with opened(card) as disk:
            return partition_table.read(disk).partitions
    except (NoCard, DeployError):
        return ()


def partition(card: Path, number: int) -> mbr.Partition | None:
    """Return partition `number`; None if there is none, or it is the extended one."""
    for found in partitions(card):
        if found.number == number and not found.extended:
            return found
    return None


@contextmanager
def open_fat(card: Path, place: mbr.Partition) -> Iterator[FatVolume]:
    """Open the FAT volume in a partition; raise `DeployError` if there is none."""
    with opened(card) as disk:
        yield FatVolume(disk, place.start, place.size)


def ext_names(card: Path, place: mbr.Partition) -> tuple[str, str] | None:
    """Return label and UUID of the ext file system in a partition; None if there is none."""
    try:
        with opened(card) as disk:
            return ext.label(disk, place.start), ext.uuid(disk, place.start)
    except (NoCard, DeployError):
        return None


def signature(card: Path) -> tuple[int, int, int]:
    """Return a value that changes with every write, and so with every deployment."""
    try:
        status = card.stat()
    except FileNotFoundError:
        return (0, 0, 0)
    return (status.st_ino, status.st_size, status.st_mtime_ns)
