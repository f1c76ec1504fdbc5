"""The partition table of a disk, MBR or GPT, and which partitions are boot and root."""

from __future__ import annotations

import io
from typing import IO, TYPE_CHECKING, BinaryIO, NamedTuple

from ..errors import DeployError
from . import ext, gpt, mbr

if TYPE_CHECKING:
    from collections.abc import Callable

BOOT_NUMBER, ROOT_NUMBER = 1, 2  # where the type does not say it, as in LAVA's images of 2013


class Table(NamedTuple):
    """The partitions of a disk by number; `notes` is for the user."""

    partitions: tuple[mbr.Partition, ...]
    notes: tuple[str, ...] = ()

    def find(self, number: int) -> mbr.Partition | None:
        """Return partition `number`; None if there is none."""
        return next((part for part in self.partitions if part.number == number), None)

    def find_purpose(self, purpose: str, number: int) -> mbr.Partition | None:
        """Return the first partition whose type has `purpose`, otherwise partition `number`."""
        typed = (part for part in self.partitions if part.purpose == purpose)
        return next(typed, None) or self.find(number)

    @property
    def boot(self) -> mbr.Partition | None:
        """The partition with kernel and boot loader, as far as the table says it."""
        return self.find_purpose(gpt.BOOT, BOOT_NUMBER)

    @property
    def root(self) -> mbr.Partition | None:
        """The partition of the root file system, as far as the table says it."""
        return self.find_purpose(gpt.ROOT, ROOT_NUMBER)

    def describe(self) -> str:
        """Return the numbers of the partitions, for an error."""
        numbers = ", ".join(str(part.number) for part in self.partitions if not part.extended)
        return f"it has {numbers}" if numbers else "it has none"


def read(disk: BinaryIO) -> Table:
    """Return the table of `disk`; raise `DeployError` if there is none, or a damaged one.

    As in Linux, a GPT counts if the MBR has its protective partition. A disk that is an ext
    file system as a whole has this as partition 0.
    """
    whole = mbr.Partition(0, 0, mbr.size_of(disk), mbr.LINUX, purpose=gpt.ROOT)
    try:
        protective, others = _read_kinds(_head(disk, mbr.SECTOR))
    except DeployError:
        if is_ext(disk, whole):
            return Table((whole,))
        raise
    if not protective:
        ignored = _head(disk, 2 * mbr.SECTOR)[mbr.SECTOR :].startswith(gpt.SIGNATURE)
        note = "the image has a GPT, too, which Linux ignores: the MBR does not protect it"
        return Table(mbr.read(disk), (note,) if ignored else ())
    return _read_gpt(disk, mbr.size_of(disk), hybrid=others)


def read_head(peek: Callable[[int], bytes]) -> Table:
    """Return the table from the first bytes of a disk of any size.

    `peek(size)` gives them. An MBR has no logical partitions then. Raise `DeployError`.
    """
    first = peek(2 * mbr.SECTOR)
    protective, others = _read_kinds(first[: mbr.SECTOR])
    if not protective:
        return Table(mbr.parse_table(first[: mbr.SECTOR]))
    header = gpt.read_header(io.BytesIO(first))
    head = io.BytesIO(peek(header.table * mbr.SECTOR + header.table_bytes))
    return _read_gpt(head, None, hybrid=others)


def find_root(
    disk: BinaryIO, table: Table, holds_root: Callable[[mbr.Partition], bool]
) -> mbr.Partition | None:
    """Return the partition of the root file system; None if none is an ext file system.

    A GPT may say it by type. Otherwise it is partition 2, then the largest, among those that
    `holds_root` accepts; if it accepts none, the first of them.
    """
    linux = [part for part in table.partitions if not part.extended and is_ext(disk, part)]
    linux.sort(key=lambda part: (part.purpose != gpt.ROOT, part.number != ROOT_NUMBER, -part.size))
    if not linux or linux[0].purpose == gpt.ROOT:
        return linux[0] if linux else None
    return next(filter(holds_root, linux), linux[0])


def is_ext(disk: BinaryIO, partition: mbr.Partition) -> bool:
    """Return True if the partition holds ext2, ext3 or ext4."""
    try:
        ext.label(disk, partition.start)
    except DeployError:
        return False
    return True


def _read_gpt(disk: IO[bytes], size: int | None, *, hybrid: bool) -> Table:
    partitions, notes = gpt.read(disk, size)
    if hybrid:
        notes.insert(
            0,
            "the image has a hybrid MBR: Linux and U-Boot count the partitions of the GPT, "
            "a boot ROM those of the MBR",
        )
    return Table(partitions, tuple(notes))


def _read_kinds(sector: bytes) -> tuple[bool, bool]:
    """Return whether the MBR has the protective partition, and whether it has others."""
    kinds = mbr.read_types(sector)
    return gpt.PROTECTIVE in kinds, any(kind != gpt.PROTECTIVE for kind in kinds)


def _head(disk: IO[bytes], size: int) -> bytes:
    disk.seek(0)
    return disk.read(size)
