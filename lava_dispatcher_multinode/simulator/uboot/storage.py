"""What firmware and kernel find on the card; nothing on it is trusted."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

from ...errors import DeployError
from ...images import ext, mbr
from ...images.fat import FatVolume

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class NoCard(Exception):
    """No card is in the slot, or nothing was ever written to it."""


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
    """Return the partitions; none of a card without a table, or with a broken one."""
    try:
        with opened(card) as disk:
            return mbr.read(disk)
    except (NoCard, DeployError):
        return ()


def partition(card: Path, number: int) -> mbr.Partition | None:
    """Return partition `number`, unless it is an extended one; None if there is none."""
    for found in partitions(card):
        if found.number == number and not found.extended:
            return found
    return None


@contextmanager
def fat(card: Path, place: mbr.Partition) -> Iterator[FatVolume]:
    """Open the FAT volume on a partition; `DeployError` if it is none."""
    with opened(card) as disk:
        yield FatVolume(disk, place.start, place.size)


def ext_names(card: Path, place: mbr.Partition) -> tuple[str, str] | None:
    """Return label and UUID of the ext file system there; None if it is none."""
    try:
        with opened(card) as disk:
            return ext.label(disk, place.start), ext.uuid(disk, place.start)
    except (NoCard, DeployError):
        return None


def signature(card: Path) -> tuple[int, int, int]:
    """Return what changes whenever the card is written: a deploy starts the board afresh."""
    try:
        status = card.stat()
    except FileNotFoundError:
        return (0, 0, 0)
    return (status.st_ino, status.st_size, status.st_mtime_ns)
