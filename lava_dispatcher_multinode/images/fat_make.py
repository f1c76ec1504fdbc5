"""Making a reproducible FAT16 volume with files in its root directory."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

SECTOR = 512
_ROOT_ENTRIES = 512
_RESERVED = 1
_DATE = (2013 - 1980) << 9 | 6 << 5 | 1  # 1 June 2013


class Geometry(NamedTuple):
    """The size of a volume: sectors per cluster, and 4085 to 65524 clusters."""

    per_cluster: int
    clusters: int

    @property
    def fat_sectors(self) -> int:
        """Sectors of one allocation table."""
        return -(-(self.clusters + 2) * 2 // SECTOR)

    @property
    def total(self) -> int:
        """Sectors of the volume."""
        root = _ROOT_ENTRIES * 32 // SECTOR
        return _RESERVED + 2 * self.fat_sectors + root + self.clusters * self.per_cluster

    @property
    def size(self) -> int:
        """Bytes of the volume."""
        return self.total * SECTOR


SMALL = Geometry(1, 4096)


def make_fat16(
    files: Mapping[str, bytes], label: str, hidden_sectors: int = 0, geometry: Geometry = SMALL
) -> bytes:
    """Return a volume of `geometry.size` bytes; raise ValueError if the files do not fit."""
    fat = [0xFFF8, 0xFFFF]
    cluster = geometry.per_cluster * SECTOR
    directory = bytearray(_slot(label.encode("ascii").ljust(11), 0x08, 0, 0))
    data = bytearray()
    for index, (name, content) in enumerate(files.items()):
        first = len(fat) if content else 0
        count = -(-len(content) // cluster)
        fat += [*range(first + 1, first + count), 0xFFFF] if content else []
        data += content.ljust(count * cluster, b"\0")
        directory += _file_slots(name, index, first, len(content))
    if len(fat) > geometry.clusters + 2 or len(directory) > _ROOT_ENTRIES * 32:
        raise ValueError("the files do not fit into the FAT16 volume")
    table = struct.pack(f"<{len(fat)}H", *fat).ljust(geometry.fat_sectors * SECTOR, b"\0")
    head = _boot_sector(label, hidden_sectors, geometry) + table * 2
    return (head + directory.ljust(_ROOT_ENTRIES * 32, b"\0") + data).ljust(geometry.size, b"\0")


def _boot_sector(label: str, hidden_sectors: int, geometry: Geometry) -> bytes:
    small = geometry.total < 1 << 16  # a larger number has a field of its own
    sector = b"\xeb\x3c\x90mkfs.fat" + struct.pack(
        "<HBHBHHBHHHII",
        SECTOR,
        geometry.per_cluster,
        _RESERVED,
        2,
        _ROOT_ENTRIES,
        geometry.total if small else 0,
        0xF8,
        geometry.fat_sectors,
        32,
        64,
        hidden_sectors,
        0 if small else geometry.total,
    )
    sector += struct.pack("<BBBI", 0x80, 0, 0x29, 0x20130601)
    sector += label.encode("ascii").ljust(11) + b"FAT16   "
    return sector.ljust(510, b"\0") + b"\x55\xaa"


def _file_slots(name: str, index: int, cluster: int, size: int) -> bytes:
    """Return the directory slots of a file: its long name, unless that is 8.3, then 8.3."""
    base, _, extension = name.upper().partition(".")
    short = base.encode("ascii")[:8].ljust(8) + extension.encode("ascii")[:3].ljust(3)
    if len(base) > 8 or len(extension) > 3:
        short = f"{base[:5]}~{index % 10}".encode("ascii").ljust(8) + short[8:]
    elif name == name.upper():
        return _slot(short, 0x20, cluster, size)  # a boot ROM needs MLO in this form
    checksum = 0
    for byte in short:
        checksum = ((checksum >> 1) + ((checksum & 1) << 7) + byte) & 0xFF
    text = name.encode("utf-16-le") + b"\0\0"
    parts = [text[at : at + 26].ljust(26, b"\xff") for at in range(0, len(text), 26)]
    slots = b""
    for number in range(len(parts), 0, -1):
        part = parts[number - 1]
        order = number | (0x40 if number == len(parts) else 0)
        slots += bytes([order]) + part[:10] + bytes([0x0F, 0, checksum]) + part[10:22]
        slots += b"\0\0" + part[22:]
    return slots + _slot(short, 0x20, cluster, size)


def _slot(short: bytes, attributes: int, cluster: int, size: int) -> bytes:
    return (
        short
        + bytes([attributes])
        + struct.pack("<BBHHHHHHHI", 0, 0, 0, _DATE, _DATE, 0, 0, _DATE, cluster, size)
    )
