"""Unpacking an archive that somebody else made, into bounds."""

from __future__ import annotations

import bz2
import gzip
import lzma
import tarfile
import tempfile
import zlib
from typing import IO, TYPE_CHECKING, cast

from .layout import MAX_DEPTH
from .source import BadSource

if TYPE_CHECKING:
    from pathlib import Path

MAX_BYTES = 256 << 20  # of the unpacked archive
MAX_MEMBERS = 50_000

_BLOCK = 1 << 16
#: The last three: what tarfile makes of numbers, times and links that make no sense.
_DAMAGED = (
    tarfile.TarError, OSError, EOFError, lzma.LZMAError, zlib.error,
    ValueError, ArithmeticError, KeyError,
)  # fmt: skip


def unpack(archive: IO[bytes], target: Path) -> None:
    """Unpack a tar, plain or compressed, into the new directory `target`.

    Raises `BadSource` if it is none, too large, or has a member that would
    be written or would point outside of `target`.
    """
    target.mkdir(parents=True)
    with tempfile.TemporaryFile() as plain:
        try:
            _decompress(archive, plain)
            with tarfile.open(fileobj=plain, mode="r:") as tar:
                _extract(tar, target)
        except tarfile.FilterError as error:
            raise BadSource(f"the archive is refused: {error}") from error
        except _DAMAGED as error:
            raise BadSource(f"not a tar archive: {error}") from error


def _extract(tar: tarfile.TarFile, target: Path) -> None:
    for number, member in enumerate(tar):
        if number >= MAX_MEMBERS:
            raise BadSource(f"the archive has more than {MAX_MEMBERS} members")
        # A sparse member can be far larger than the archive.
        if member.size > MAX_BYTES:
            raise BadSource(f"the archive has a member of more than {MAX_BYTES} bytes")
        if member.name.count("/") > MAX_DEPTH:
            raise BadSource(f"the archive has more than {MAX_DEPTH} directories in each other")
        tar.extract(member, target, filter="data")


def _decompress(archive: IO[bytes], plain: IO[bytes]) -> None:
    """Copy what is in `archive`; bounded, since a small archive can hold any amount."""
    size = 0
    with _opened(archive) as stream:
        while block := stream.read(_BLOCK):
            size += len(block)
            if size > MAX_BYTES:
                raise BadSource(f"the archive holds more than {MAX_BYTES} bytes")
            plain.write(block)
    plain.seek(0)


def _opened(archive: IO[bytes]) -> IO[bytes]:
    """Return what reads the tar out of `archive`, by its first bytes."""
    magic = archive.read(6)
    archive.seek(0)
    if magic.startswith(b"\x1f\x8b"):
        return cast("IO[bytes]", gzip.GzipFile(fileobj=archive))
    if magic.startswith(b"BZh"):
        return bz2.BZ2File(archive)
    if magic.startswith(b"\xfd7zXZ"):
        return lzma.LZMAFile(archive)
    return archive
