"""MBR partition tables, with logical partitions in EBRs.

Partitions are numbered as in Linux and U-Boot: 1 to 4 in the table, logical ones
from 5. Offsets and sizes are in bytes. The content is not trusted: a table that
points outside its disk, into itself or in a cycle raises `DeployError`.
"""

from __future__ import annotations

import io
import struct
from itertools import pairwise
from typing import IO, TYPE_CHECKING, NamedTuple

from ..errors import DeployError

if TYPE_CHECKING:
    from collections.abc import Iterable

SECTOR = 512
FAT16, FAT32, LINUX = 0x0E, 0x0C, 0x83
EXTENDED = (0x05, 0x0F, 0x85)
MAX_LOGICAL_PARTITIONS = 60  # the limit of Linux
_ENTRY = struct.Struct("<B3sB3sII")
_ENTRIES_AT = 446
_SIGNATURE = b"\x55\xaa"
_NO_CHS = b"\xfe\xff\xff"  # "use the LBA": these boards do not use cylinders


class Partition(NamedTuple):
    """One partition; `start` and `size` are in bytes, `type` is the type byte.

    `purpose` is "root" or "boot" if a GPT says so by the partition's type.
    """

    number: int
    start: int
    size: int
    type: int
    bootable: bool = False
    purpose: str = ""

    @property
    def extended(self) -> bool:
        """True if the partition only contains logical partitions."""
        return self.type in EXTENDED


def size_of(disk: IO[bytes]) -> int:
    """Return the size of a file or block device; for a device, stat returns 0."""
    here = disk.tell()
    try:
        return disk.seek(0, 2)
    finally:
        disk.seek(here)


def read_types(sector: bytes) -> tuple[int, ...]:
    """Return the type bytes of the used entries in a first sector; raise `DeployError`."""
    entries = _read_entries(io.BytesIO(sector), 0)
    return tuple(entry[2] for entry in entries if entry is not None)


def read(disk: IO[bytes]) -> tuple[Partition, ...]:
    """Return the partitions of `disk` by number, the extended one included.

    Raise `DeployError` if there is no table or an inconsistent one.
    """
    end = size_of(disk)
    partitions = []
    for number, entry in enumerate(_read_entries(disk, 0), 1):
        if entry is None:
            continue
        partition = _checked(Partition(number, *entry), 1, end)
        partitions.append(partition)
        if partition.extended:
            partitions += _read_logical(disk, partition)
    refuse_overlap([p for p in partitions if not p.extended])
    return tuple(sorted(partitions))


def parse_table(sector: bytes) -> tuple[Partition, ...]:
    """Return partitions 1 to 4 from the first sector of a disk of any size.

    Raise `DeployError` if there is no table or an inconsistent one.
    """
    largest = 1 << 32  # sectors, the limit of both the start and the size of an entry
    entries = enumerate(_read_entries(io.BytesIO(sector), 0), 1)
    partitions = [
        _checked(Partition(number, *entry), 1, 2 * largest * SECTOR)
        for number, entry in entries
        if entry is not None
    ]
    refuse_overlap(partitions)
    return tuple(partitions)


def write(disk: IO[bytes], partitions: Iterable[Partition]) -> None:
    """Write the table for `partitions` and leave their contents unchanged.

    The EBR of a logical partition is the sector before it, which must be free.
    """
    partitions = sorted(partitions)
    primary = {p.number: p for p in partitions if p.number <= 4}
    logical = [p for p in partitions if p.number > 4]
    disk.seek(0)
    disk.write(_pack_sector([_pack_entry(primary.get(number), 0) for number in range(1, 5)]))
    if not logical:
        return
    base = next(p for p in primary.values() if p.extended).start
    for index, partition in enumerate(logical):
        here = _ebr_offset(partition, index, base)
        following = logical[index + 1] if index + 1 < len(logical) else None
        link = b""
        if following is not None:
            there = _ebr_offset(following, index + 1, base)
            span = Partition(2, there, following.start + following.size - there, EXTENDED[0])
            link = _pack_entry(span, base)
        disk.seek(here)
        disk.write(_pack_sector([_pack_entry(partition, here), link]))


def _ebr_offset(partition: Partition, index: int, base: int) -> int:
    return partition.start - SECTOR if index else base


def _read_entries(disk: IO[bytes], at: int) -> list[tuple[int, int, int, bool] | None]:
    """Return (start, size, type, bootable) of the four entries, None for an empty one."""
    disk.seek(at)
    sector = disk.read(SECTOR)
    if len(sector) < SECTOR or sector[510:] != _SIGNATURE:
        what = "no partition table" if at == 0 else "a broken chain of logical partitions"
        raise DeployError(f"{what} (no 55 AA at the end of the sector at byte {at})")
    found: list[tuple[int, int, int, bool] | None] = []
    for number in range(4):
        status, _, kind, _, first, count = _ENTRY.unpack_from(sector, _ENTRIES_AT + 16 * number)
        if kind == 0 or count == 0:
            found.append(None)
        else:
            found.append((first * SECTOR, count * SECTOR, kind, status == 0x80))
    return found


def _read_logical(disk: IO[bytes], extended: Partition) -> list[Partition]:
    found: list[Partition] = []
    seen: set[int] = set()
    here = extended.start
    end = extended.start + extended.size
    while True:
        if here in seen or len(seen) >= MAX_LOGICAL_PARTITIONS:
            raise DeployError("the chain of logical partitions forms a cycle")
        seen.add(here)
        entries = _read_entries(disk, here)
        if entries[0] is not None:
            start, size, kind, bootable = entries[0]
            partition = Partition(5 + len(found), here + start, size, kind, bootable)
            found.append(_checked(partition, here + SECTOR, end))
        if entries[1] is None:
            return found
        here = extended.start + entries[1][0]
        if here + SECTOR > end:
            raise DeployError("the chain of logical partitions leaves the extended partition")


def _checked(partition: Partition, low: int, high: int) -> Partition:
    if partition.start < low or partition.start + partition.size > high:
        raise DeployError(
            f"partition {partition.number} (bytes {partition.start} to "
            f"{partition.start + partition.size}) is not inside bytes {low} to {high}: "
            "the image is truncated, or its partition table is damaged"
        )
    return partition


def refuse_overlap(partitions: Iterable[Partition]) -> None:
    """Raise `DeployError` if two of the partitions overlap."""
    by_start = sorted(partitions, key=lambda p: p.start)
    for one, other in pairwise(by_start):
        if one.start + one.size > other.start:
            raise DeployError(f"partitions {one.number} and {other.number} overlap")


def _pack_entry(partition: Partition | None, base: int) -> bytes:
    if partition is None:
        return b""
    first, count = (partition.start - base) // SECTOR, partition.size // SECTOR
    status = 0x80 if partition.bootable else 0
    return _ENTRY.pack(status, _NO_CHS, partition.type, _NO_CHS, first, count)


def _pack_sector(records: list[bytes]) -> bytes:
    entries = b"".join(record.ljust(_ENTRY.size, b"\0") for record in records)
    return b"\0" * _ENTRIES_AT + entries.ljust(64, b"\0") + _SIGNATURE
