"""Initial ramdisks: adding files, and adding or removing the header of U-Boot."""

from __future__ import annotations

import gzip
import io
import stat
import tarfile
from typing import TYPE_CHECKING

from . import cpio, uimage
from .compression import HEAD_BYTES, decompress, match_magic
from .inject import InjectionFailed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_CPIO = (b"070701", b"070702")
_LZMA = b"]\0\0"
_MAX_BYTES = 1 << 30  # of an unpacked ramdisk: the memory of such a board
_READ_BYTES = 1 << 20
#: zstd, lz4 and lzo, which Python 3.11 cannot unpack: assumed to contain a cpio archive.
_OPAQUE_MAGIC = (b"\x28\xb5\x2f\xfd", b"\x02\x21\x4c\x18", b"\x89LZO")


def strip_header(data: bytes) -> bytes:
    """Return a ramdisk without the U-Boot header, if it has one."""
    try:
        header = uimage.parse(data)
    except ValueError:
        return data
    if header is None:
        return data
    return data[uimage.HEADER : uimage.HEADER + header.size]


def add_header(data: bytes, arch: str = "arm") -> bytes:
    """Return the ramdisk `data` with a U-Boot header of the architecture `arch`."""
    return uimage.make(data, "ramdisk", uimage.RAMDISK, arch=arch)


def add_files(data: bytes, archive: Path, files: Mapping[str, bytes]) -> bytes:
    """Return the ramdisk `data` with the members of a tar and `files` by path appended.

    `data` has no U-Boot header. The kernel unpacks one archive after the other. Raise
    `InjectionFailed`, or `DamagedFile` if the ramdisk is damaged or truncated: a kernel
    does not find what comes after the damage.
    """
    if not _is_cpio(data):
        raise InjectionFailed("the ramdisk is not a cpio archive")
    more = gzip.compress(cpio.make_archive(_entries(archive, files)), 6, mtime=0)
    return data + bytes(-len(data) % 4) + more


def _is_cpio(data: bytes) -> bool:
    suffix = ".lzma" if data.startswith(_LZMA) else match_magic(data[:HEAD_BYTES])
    if not suffix or data.startswith(_OPAQUE_MAGIC):
        return data.startswith((*_CPIO, *_OPAQUE_MAGIC))
    stream = decompress(io.BytesIO(data), suffix, first_only=True)
    if stream.read(6) not in _CPIO:
        return False
    size = 0
    while size < _MAX_BYTES and (block := stream.read(_READ_BYTES)):
        size += len(block)
    return True


def _entries(archive: Path, files: Mapping[str, bytes]) -> Iterator[tuple[str, int, bytes]]:
    contents: dict[str, bytes] = {}  # for hard links, as a gzip cannot be read backwards
    with tarfile.open(archive) as tar:
        for member in tar:
            name = member.name.strip("/")
            if member.isdir():
                yield name, stat.S_IFDIR | member.mode, b""
            elif member.issym():
                yield name, cpio.LINK, member.linkname.encode()
            else:
                if not member.islnk():
                    content = tar.extractfile(member)
                    if content is None:
                        raise InjectionFailed(
                            f"{name} is neither file, directory nor symbolic link"
                        )
                    contents[member.name] = content.read()
                yield name, stat.S_IFREG | member.mode, contents[member.linkname or member.name]
    for path, data in files.items():
        yield path.strip("/"), cpio.FILE, data
