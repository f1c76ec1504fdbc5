"""Initial ramdisks: files added to them, and the header with which U-Boot takes them."""

from __future__ import annotations

import gzip
import io
import stat
import tarfile
from typing import TYPE_CHECKING

from . import cpio, uimage
from .compressed_members import Members
from .compression import HEAD, reader, suffix_by
from .inject import NotPossible

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_CPIO = (b"070701", b"070702")
_LZMA = b"]\0\0"
_LOOK = 1 << 30  # bytes in which a ramdisk's end is looked for: as many as such a board has
_BLOCK = 1 << 20
#: What the kernel unpacks and Python 3.11 does not: taken for what it mostly is.
_UNREAD = (b"\x28\xb5\x2f\xfd", b"\x02\x21\x4c\x18", b"\x89LZO")


def bare(data: bytes) -> bytes:
    """Return a ramdisk without U-Boot's header, if it has one."""
    try:
        header = uimage.parse(data)
    except ValueError:
        return data
    if header is None:
        return data
    return data[uimage.HEADER : uimage.HEADER + header.size]


def wrapped(data: bytes) -> bytes:
    """Return a bare ramdisk behind the header that every U-Boot takes."""
    return uimage.make(data, "ramdisk", uimage.RAMDISK)


def with_files(data: bytes, archive: Path, files: Mapping[str, bytes]) -> bytes:
    """Return the bare ramdisk `data` with a tar's members and `files`, by path, in it.

    The kernel unpacks one archive after the other. Raise `NotPossible`, and
    `members.Broken` if the ramdisk is damaged or cut short: no kernel finds what is behind.
    """
    if not _is_cpio(data):
        raise NotPossible("the ramdisk is no cpio archive")
    more = gzip.compress(cpio.archive(_entries(archive, files)), 6, mtime=0)
    return data + bytes(-len(data) % 4) + more


def _is_cpio(data: bytes) -> bool:
    suffix = ".lzma" if data.startswith(_LZMA) else suffix_by(data[:HEAD])
    if not suffix or data.startswith(_UNREAD):
        return data.startswith((*_CPIO, *_UNREAD))
    stream = reader(Members(io.BytesIO(data), suffix, first_only=True))
    if stream.read(6) not in _CPIO:
        return False
    size = 0
    while size < _LOOK and (block := stream.read(_BLOCK)):
        size += len(block)
    return True


def _entries(archive: Path, files: Mapping[str, bytes]) -> Iterator[tuple[str, int, bytes]]:
    contents: dict[str, bytes] = {}  # for links: a gzip is not read backwards
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
                        raise NotPossible(f"{name} is neither file, directory nor symbolic link")
                    contents[member.name] = content.read()
                yield name, stat.S_IFREG | member.mode, contents[member.linkname or member.name]
    for path, data in files.items():
        yield path.strip("/"), cpio.FILE, data
