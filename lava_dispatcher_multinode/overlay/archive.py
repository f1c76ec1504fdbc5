"""Unpacking of untrusted archives, within limits."""

from __future__ import annotations

import tarfile
import tempfile
from typing import IO, TYPE_CHECKING

from ..images.compression import HEAD_BYTES, decompress, match_magic
from .definition_source import BadSource
from .layout import MAX_DEPTH

if TYPE_CHECKING:
    from pathlib import Path

MAX_BYTES = 256 << 20  # of the unpacked archive
MAX_MEMBERS = 50_000

_BLOCK = 1 << 16
#: The last three are raised by tarfile for invalid numbers, times and links.
_DAMAGED = (tarfile.TarError, OSError, EOFError, ValueError, ArithmeticError, KeyError)


def unpack(archive: IO[bytes], target: Path) -> None:
    """Unpack a tar, plain or compressed, into the new directory `target`.

    Raises `BadSource` if it is not a tar, is too large, or has a member that would
    be written or link outside of `target`.
    """
    target.mkdir(parents=True)
    with tempfile.TemporaryFile() as plain:
        try:
            _decompress(archive, plain)
            with tarfile.open(fileobj=plain, mode="r:") as tar:
                _extract(tar, plain, target)
        except tarfile.FilterError as error:
            raise BadSource(f"the archive is refused: {error}") from error
        except _DAMAGED as error:
            raise BadSource(f"not a tar archive: {error}") from error


def _extract(tar: tarfile.TarFile, plain: IO[bytes], target: Path) -> None:
    for number, member in enumerate(tar):
        if number >= MAX_MEMBERS:
            raise BadSource(f"the archive has more than {MAX_MEMBERS} members")
        # A sparse member can be much larger than the archive.
        if member.size > MAX_BYTES:
            raise BadSource(f"the archive has a member of more than {MAX_BYTES} bytes")
        if member.name.count("/") > MAX_DEPTH:
            raise BadSource(f"the archive has more than {MAX_DEPTH} nested directories")
        tar.extract(member, target, filter="data")
    # tarfile treats a damaged header as the end of the archive.
    plain.seek(tar.offset)
    if plain.read(tarfile.BLOCKSIZE).strip(b"\0"):
        raise BadSource(f"the archive is damaged or cut short at byte {tar.offset} of the tar")


def _decompress(archive: IO[bytes], plain: IO[bytes]) -> None:
    """Copy the decompressed `archive`, limited: a small archive can contain any amount."""
    size = 0
    stream = _opened(archive)
    while block := stream.read(_BLOCK):
        size += len(block)
        if size > MAX_BYTES:
            raise BadSource(f"the archive holds more than {MAX_BYTES} bytes")
        plain.write(block)
    plain.seek(0)


def _opened(archive: IO[bytes]) -> IO[bytes]:
    """Return a reader of the tar in `archive`, chosen by its first bytes."""
    suffix = match_magic(archive.read(HEAD_BYTES))
    archive.seek(0)
    if suffix == ".zst":
        raise BadSource("the archive is compressed with zstd: use gzip, bzip2 or xz")
    return decompress(archive, suffix) if suffix else archive
