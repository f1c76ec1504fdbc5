"""GUID partition tables (GPT), read as Linux reads them.

Partitions have the numbers of Linux and U-Boot: their place in the table, from 1. The
content is not trusted: both headers and the table have checksums, and every size is bounded.
"""

from __future__ import annotations

import struct
import uuid
import zlib
from typing import IO, TYPE_CHECKING, NamedTuple

from ..errors import DeployError
from .mbr import LINUX, SECTOR, Partition, refuse_overlap, size_of

if TYPE_CHECKING:
    from collections.abc import Iterator

SIGNATURE = b"EFI PART"
#: The type byte, in the MBR before the table, of the partition that stands for all of it.
PROTECTIVE = 0xEE
MAX_ENTRIES = 1024  # tools make 128
MAX_TABLE_AT = 64 << 20  # boards with a boot loader after the header have the table behind it
ENTRY_BYTES = 128  # Linux reads no other size
_HEADER = struct.Struct("<8sIIIIQQQQ16sQIII")
_CHECKSUM_AT = 16  # in the header; 0 while the checksum is made
_ENTRY = struct.Struct("<16s16sQQQ72s")
_LEGACY_BOOT = 1 << 2  # attribute: the MBR's "active"
#: Sector sizes of other media, to name an image that was made for one of them.
_OTHER_SECTORS = (1024, 2048, 4096)

ROOT, BOOT = "root", "boot"
#: Type GUID -> purpose and the type byte that an MBR has for it.
_TYPES = {
    "c12a7328-f81f-11d2-ba4b-00a0c93ec93b": (BOOT, 0xEF),  # EFI system
    "bc13c2ff-59e6-4262-a352-b275fd6f7172": (BOOT, 0xEA),  # extended boot loader
    "ebd0a0a2-b9e5-4433-87c0-68b6b72699c7": ("", 0x0C),  # a FAT, on most boards
    "0fc63daf-8483-4772-8e79-3d69d8477de4": ("", LINUX),
    "0657fd6d-a4ab-43c4-84e5-0933c84b4f4f": ("", 0x82),  # swap
    "69dad710-2ce4-4e3c-b16c-21a1d49abed3": (ROOT, LINUX),  # ARM
    "b921b045-1df0-41c3-af44-4c6f280d3fae": (ROOT, LINUX),  # ARM, 64 bits
    "44479540-f297-41b2-9af7-d131d5f0458a": (ROOT, LINUX),  # x86
    "4f68bce3-e8cd-4db1-96e7-fbcaf984b709": (ROOT, LINUX),  # x86, 64 bits
    "60d5a7fe-8e7d-435c-b714-3dd8162144e1": (ROOT, LINUX),  # RISC-V, 32 bits
    "72ec70a6-cf74-40e6-bd49-4bda08e8f224": (ROOT, LINUX),  # RISC-V, 64 bits
}
_OTHER_TYPE = 0xDA  # "not a file system"


class GptHeader(NamedTuple):
    """The fields of a header that matter here; places are in sectors."""

    place: int
    other: int  # the place of the other header
    first: int
    last: int
    table: int
    entries: int
    checksum: int  # of the table

    @property
    def table_bytes(self) -> int:
        """The size of the table in bytes."""
        return self.entries * ENTRY_BYTES


def read(disk: IO[bytes], size: int | None = None) -> tuple[tuple[Partition, ...], list[str]]:
    """Return the partitions by number, and notes on what a tool should mend.

    `size` of the disk in bytes; None: unknown, as only its head is there. Raise `DeployError`
    for a damaged table, which Linux does not use.
    """
    header = read_header(disk)
    entries = _read_table(disk, header)
    partitions = tuple(_parse(entries, header, size))
    refuse_overlap(partitions)
    notes = [] if size is None else list(_check_backup(disk, header, size))
    return partitions, notes


def read_header(disk: IO[bytes]) -> GptHeader:
    """Return the first header; raise `DeployError` if it is missing or damaged."""
    try:
        return _parse_header(_read_at(disk, SECTOR, SECTOR), 1)
    except DeployError as error:
        for sector in _OTHER_SECTORS:
            if _read_at(disk, sector, len(SIGNATURE)) == SIGNATURE:
                raise DeployError(
                    f"the GPT is for a medium with sectors of {sector} bytes; "
                    f"cards have {SECTOR}: make the image for those"
                ) from None
        raise DeployError(f"the GPT is damaged: {error}{_describe_backup(disk)}") from None


def _parse_header(raw: bytes, place: int) -> GptHeader:
    if len(raw) < SECTOR or not raw.startswith(SIGNATURE):
        raise DeployError(f"no header in sector {place}")
    (_, _, length, checksum, _, mine, other, first, last, _, table, entries, size, table_sum) = (
        _HEADER.unpack_from(raw)
    )
    if not _HEADER.size <= length <= SECTOR:
        raise DeployError(f"the header in sector {place} has {length} bytes")
    blank = raw[:_CHECKSUM_AT] + bytes(4) + raw[_CHECKSUM_AT + 4 : length]
    if zlib.crc32(blank) != checksum:
        raise DeployError(f"wrong checksum of the header in sector {place}")
    if mine != place:
        raise DeployError(f"the header in sector {place} is for sector {mine}")
    limit = MAX_TABLE_AT if place == 1 else place * SECTOR
    if size != ENTRY_BYTES or entries > MAX_ENTRIES or table * SECTOR > limit:
        raise DeployError(f"a table of {entries} entries of {size} bytes in sector {table}")
    if last < first:
        raise DeployError(f"no space for partitions: sectors {first} to {last}")
    return GptHeader(mine, other, first, last, table, entries, table_sum)


def _read_table(disk: IO[bytes], header: GptHeader) -> bytes:
    raw = _read_at(disk, header.table * SECTOR, header.table_bytes)
    if zlib.crc32(raw) != header.checksum or len(raw) < header.table_bytes:
        hint = _describe_backup(disk) if header.place == 1 else ""
        raise DeployError(
            f"the GPT is damaged: wrong checksum of the table in sector {header.table}{hint}"
        )
    return raw


def _parse(table: bytes, header: GptHeader, size: int | None) -> Iterator[Partition]:
    for number, at in enumerate(range(0, len(table), ENTRY_BYTES), 1):
        kind, _, first, last, attributes, _ = _ENTRY.unpack_from(table, at)
        if not any(kind):
            continue
        if not header.first <= first <= last <= header.last:
            raise DeployError(
                f"partition {number} (sectors {first} to {last}) is not inside sectors "
                f"{header.first} to {header.last} of the GPT"
            )
        if size is not None and (last + 1) * SECTOR > size:
            raise DeployError(
                f"partition {number} ends at byte {(last + 1) * SECTOR}, but there are only "
                f"{size}: the image is truncated"
            )
        purpose, byte = _TYPES.get(str(uuid.UUID(bytes_le=kind)), ("", _OTHER_TYPE))
        bootable = bool(attributes & _LEGACY_BOOT)
        length = (last + 1 - first) * SECTOR
        yield Partition(number, first * SECTOR, length, byte, bootable, purpose)


def _check_backup(disk: IO[bytes], header: GptHeader, size: int) -> Iterator[str]:
    """Yield a note if the second header or table is missing or damaged; Linux needs neither."""
    try:
        if (header.other + 1) * SECTOR > size:
            raise DeployError(f"the image ends before it, at byte {size}")
        backup = _parse_header(_read_at(disk, header.other * SECTOR, SECTOR), header.other)
        _read_table(disk, backup)
        if backup.checksum != header.checksum:
            raise DeployError("it has other partitions")
    except DeployError as error:
        yield f"the backup of the GPT cannot be used: {error}"


def _describe_backup(disk: IO[bytes]) -> str:
    """Return a hint, as the end of a message, if the last sector has an intact header."""
    size = size_of(disk)
    place = size // SECTOR - 1
    try:
        _parse_header(_read_at(disk, place * SECTOR, SECTOR), place)
    except (DeployError, ValueError, OSError):
        return ""
    return "; its backup at the end of the image is intact: repair it with sgdisk or gdisk"


def _read_at(disk: IO[bytes], at: int, size: int) -> bytes:
    disk.seek(at)
    return disk.read(size)
