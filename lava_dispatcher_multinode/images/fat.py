"""FAT12, FAT16 and FAT32: reading files, setting the label.

The content is not trusted: every size and chain is bounded by the volume, and an
inconsistency raises `DeployError`. `fat_make.py` makes a volume.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from ..errors import DeployError

if TYPE_CHECKING:
    from collections.abc import Iterator

_BPB = struct.Struct("<3x8xHBHBHHBHHHII")  # from byte 0 to 36
_ENTRY = struct.Struct("<11sBB7xH4xHI")
LABEL, DIRECTORY, LONG_NAME = 0x08, 0x10, 0x0F
_MAX_DIRECTORY_BYTES = 1 << 21  # the 65536 entries that the format allows
_ROOT_CLUSTER = 0


class FatEntry(NamedTuple):
    """A file or directory; `name` is the long name if there is one, `size` is in bytes."""

    name: str
    size: int
    cluster: int
    is_directory: bool
    short_name: str


class FatVolume:
    """The FAT file system at byte `offset` of `disk`, `size` bytes long."""

    def __init__(self, disk: BinaryIO, offset: int, size: int) -> None:
        self._disk, self._offset = disk, offset
        sector = self._read_at(0, 512)
        if len(sector) < 512 or sector[510:] != b"\x55\xaa":
            raise DeployError("not a FAT file system: the first sector has no 55 AA")
        (
            self.sector_size,
            per_cluster,
            reserved,
            self._fats,
            root_entries,
            total16,
            _media,
            fat16,
            _,
            _,
            _,
            total32,
        ) = _BPB.unpack_from(sector)
        fat = fat16 or struct.unpack_from("<I", sector, 36)[0]
        total = (total16 or total32) * self.sector_size
        if (
            self.sector_size not in {512, 1024, 2048, 4096}
            or per_cluster == 0
            or per_cluster & (per_cluster - 1)
            or not 1 <= self._fats <= 2
            or not reserved
        ):
            raise DeployError("not a FAT file system: the first sector is inconsistent")
        self.cluster_size = per_cluster * self.sector_size
        self._fat_at = reserved * self.sector_size
        self._fat_size = fat * self.sector_size
        self._root_at = self._fat_at + self._fats * self._fat_size
        self._root_size = root_entries * 32
        root_sectors = -(-self._root_size // self.sector_size)
        self._data_at = self._root_at + root_sectors * self.sector_size
        if not self._data_at < total <= size or not fat:
            raise DeployError("not a FAT file system, or a truncated one")
        self._clusters = (total - self._data_at) // self.cluster_size
        self.bits = 12 if self._clusters < 4085 else 16 if self._clusters < 65525 else 32
        if (self.bits == 32) != (fat16 == 0):
            self.bits = 32 if fat16 == 0 else 16
        if self._fat_size * 8 < (self._clusters + 2) * self.bits:
            raise DeployError("a FAT file system with too small a table")
        self._root_cluster = 0
        if self.bits == 32:
            self._root_cluster = struct.unpack_from("<I", sector, 44)[0] & 0x0FFFFFFF

    @property
    def label(self) -> str:
        """The label in the root directory, or else in the first sector."""
        for place, entry in self._read_raw_entries(_ROOT_CLUSTER):
            del place
            if entry[11] & LONG_NAME == LABEL and entry[0] != 0xE5:
                return entry[:11].decode("latin-1").rstrip()
        text = self._read_at(71 if self.bits == 32 else 43, 11).decode("latin-1").rstrip()
        return "" if text == "NO NAME" else text

    def set_label(self, label: str) -> None:
        """Set the label, at most 11 characters, in root directory and first sector."""
        raw = label.encode("ascii").ljust(11)
        if len(raw) > 11:
            raise ValueError(f"a FAT label has at most 11 characters: {label!r}")
        self._write_at(71 if self.bits == 32 else 43, raw)
        free = None
        for place, entry in self._read_raw_entries(_ROOT_CLUSTER, all_slots=True):
            if entry[0] not in {0, 0xE5} and entry[11] & LONG_NAME == LABEL:
                self._write_at(place, raw)
                return
            if entry[0] in {0, 0xE5} and free is None:
                free = place
        if free is not None:  # a full root directory has no place for it
            self._write_at(free, raw + bytes([LABEL]) + bytes(20))

    def set_hidden_sectors(self, sectors: int) -> None:
        """Set the number of sectors before the volume, in the first sector."""
        self._write_at(28, struct.pack("<I", sectors))

    def entries(self, path: str = "/") -> list[FatEntry]:
        """Return the entries of the directory `path`; raise FileNotFoundError."""
        cluster = _ROOT_CLUSTER
        for part in filter(None, path.split("/")):
            entry = _find_entry(self._read_directory(cluster), part)
            if entry is None or not entry.is_directory:
                raise FileNotFoundError(path)
            cluster = entry.cluster
        return self._read_directory(cluster)

    def find(self, path: str) -> FatEntry:
        """Return the entry of `path`, ignoring case; raise FileNotFoundError."""
        directory, _, name = path.strip("/").rpartition("/")
        entry = _find_entry(self.entries(directory), name)
        if entry is None:
            raise FileNotFoundError(path)
        return entry

    def read(self, path: str, limit: int | None = None) -> bytes:
        """Return the content of a file, at most `limit` bytes; raise FileNotFoundError."""
        entry = self.find(path)
        if entry.is_directory:
            raise FileNotFoundError(path)
        size = entry.size if limit is None else min(entry.size, limit)
        if size == 0:
            return b""
        content = b"".join(self._read_chain(entry.cluster, size))[:size]
        if len(content) < size:
            raise DeployError(f"{path} on a FAT file system is truncated")
        return content

    def _read_at(self, at: int, size: int) -> bytes:
        self._disk.seek(self._offset + at)
        return self._disk.read(size)

    def _write_at(self, at: int, data: bytes) -> None:
        self._disk.seek(self._offset + at)
        self._disk.write(data)

    def _clusters_of(self, cluster: int, size: int) -> Iterator[int]:
        """Yield the byte offsets of the clusters of a chain, for at most `size` bytes."""
        for _ in range(min(-(-size // self.cluster_size), self._clusters)):
            if not 2 <= cluster < self._clusters + 2:
                return
            yield self._data_at + (cluster - 2) * self.cluster_size
            cluster = self._next_cluster(cluster)

    def _read_chain(self, cluster: int, size: int) -> Iterator[bytes]:
        for place in self._clusters_of(cluster, size):
            yield self._read_at(place, self.cluster_size)

    def _next_cluster(self, cluster: int) -> int:
        at = self._fat_at + cluster * self.bits // 8
        raw = self._read_at(at, 4).ljust(4, b"\0")
        if self.bits == 32:
            return int(struct.unpack("<I", raw)[0] & 0x0FFFFFFF)
        value = int(struct.unpack("<H", raw[:2])[0])
        if self.bits == 16:
            return value
        return value >> 4 if cluster & 1 else value & 0xFFF

    def _read_raw_entries(
        self, cluster: int, *, all_slots: bool = False
    ) -> Iterator[tuple[int, bytes]]:
        """Yield offset and 32 bytes of each entry, up to the end mark or of all slots."""
        for place, block in self._read_directory_blocks(cluster):
            for start in range(0, len(block) - 31, 32):
                entry = block[start : start + 32]
                if entry[0] == 0 and not all_slots:
                    return
                yield place + start, entry

    def _read_directory_blocks(self, cluster: int) -> Iterator[tuple[int, bytes]]:
        if cluster == _ROOT_CLUSTER and self.bits != 32:
            yield self._root_at, self._read_at(self._root_at, self._root_size)
            return
        for place in self._clusters_of(cluster or self._root_cluster, _MAX_DIRECTORY_BYTES):
            yield place, self._read_at(place, self.cluster_size)

    def _read_directory(self, cluster: int) -> list[FatEntry]:
        found = []
        long_name: dict[int, bytes] = {}
        for _, entry in self._read_raw_entries(cluster):
            if entry[0] == 0xE5:
                long_name.clear()
            elif entry[11] & 0x3F == LONG_NAME:
                long_name[entry[0] & 0x1F] = entry[1:11] + entry[14:26] + entry[28:32]
            else:
                if not entry[11] & LABEL:
                    found.append(_parse_entry(entry, long_name, wide=self.bits == 32))
                long_name.clear()
        return found


def _find_entry(entries: list[FatEntry], name: str) -> FatEntry | None:
    wanted = name.casefold()
    for entry in entries:
        if wanted in {entry.name.casefold(), entry.short_name.casefold()}:
            return entry
    return None


def _parse_entry(raw: bytes, long_name: dict[int, bytes], *, wide: bool) -> FatEntry:
    short, attributes, case, high, low, size = _ENTRY.unpack(raw)
    base, extension = short[:8].decode("latin-1").rstrip(), short[8:].decode("latin-1").rstrip()
    if case & 0x08:
        base = base.lower()
    if case & 0x10:
        extension = extension.lower()
    short_name = f"{base}.{extension}" if extension else base
    name = short_name
    if long_name:
        joined = b"".join(long_name[part] for part in sorted(long_name))
        name = joined.decode("utf-16-le", "replace").partition("\0")[0]
    cluster = (high << 16 if wide else 0) | low
    return FatEntry(name, size, cluster, bool(attributes & DIRECTORY), short_name)
