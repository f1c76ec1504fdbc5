"""Copying to a card: with holes for zeros in a file, within its free space, and read back."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import stat
from typing import IO, TYPE_CHECKING, BinaryIO, NamedTuple, Protocol, cast

from ..errors import DeployError
from . import mbr, partitions

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Progress = Callable[[int, int | None], None]

CHUNK_BYTES = 1 << 20
MIB = 1 << 20
MIN_FREE_BYTES = 256 * MIB  # left on the disk of a card file
UNCHECKED_BYTES = 64 * MIB  # of a card file, written without a check of the free space


class TruncatedImage(DeployError):
    """The image ends before its partition or range does."""


class Reader(Protocol):
    """A stream, as far as needed here."""

    def read(self, size: int, /) -> bytes:
        """Return the next bytes."""
        ...


class Copy(NamedTuple):
    """A written area: its place, size and digest."""

    to: int
    size: int
    digest: bytes


class ForwardReader:
    """A stream that is read forward, with a look ahead.

    A file is read from its start, and its `size` is known; the size of a decompressor's
    stream is None.
    """

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream: BinaryIO = cast("BinaryIO", stream)
        self.size = mbr.size_of(stream) if _is_seekable(stream) else None
        if self.size is not None:
            stream.seek(0)
        self._at = 0
        self._ahead = b""

    def read(self, size: int, /) -> bytes:
        """Return the next `size` bytes; fewer at the end."""
        data = self.peek(size)
        self._ahead = self._ahead[size:]
        self._at += len(data)
        return data

    def peek(self, size: int) -> bytes:
        """Return what `read` will, and stay there."""
        if len(self._ahead) < size:
            self._ahead += self._stream.read(size - len(self._ahead))
        return self._ahead[:size]

    def read_table(self) -> partitions.Table:
        """Return the partition table, and stay there; raise `DeployError`."""
        if self.size is None:
            return partitions.read_head(self.peek)
        here = self._stream.tell()
        try:
            return partitions.read(self._stream)
        finally:
            self._stream.seek(here)

    @property
    def place(self) -> int:
        """The byte of the stream at which `read` goes on."""
        return self._at

    def skip_to(self, place: int, on_chunk: Callable[[], None]) -> None:
        """Read up to `place` or the end; call `on_chunk` after each chunk."""
        while (left := place - self._at) > 0 and self.read(min(left, CHUNK_BYTES)):
            on_chunk()


def _is_seekable(source: IO[bytes]) -> bool:
    return isinstance(source, io.BufferedReader | io.BytesIO) and source.seekable()


def allocate(card: BinaryIO, size: int) -> None:
    """Give a card file its size; raise `DeployError` if a device is too small."""
    if stat.S_ISREG(os.fstat(card.fileno()).st_mode):
        card.truncate(size)
    elif (available := mbr.size_of(card)) < size:
        raise DeployError(f"the card has {available} bytes; the image needs {size}")


def copy(
    source: Reader,
    card: BinaryIO,
    to: int,
    size: int | None,
    report: Callable[[int], None],
) -> Copy:
    """Copy `size` bytes (None: all); zeros become holes if the card is a file."""
    sparse = stat.S_ISREG(os.fstat(card.fileno()).st_mode)
    digest = hashlib.blake2b()
    done = taken = 0
    while size is None or done < size:
        chunk = source.read(CHUNK_BYTES if size is None else min(CHUNK_BYTES, size - done))
        if not chunk:
            if size is None:
                break
            raise TruncatedImage(f"the image is truncated: {size - done} bytes missing")
        digest.update(chunk)
        if not sparse or chunk.strip(b"\0"):
            taken += len(chunk)
            if sparse and taken > UNCHECKED_BYTES and _free_bytes(card) < MIN_FREE_BYTES:
                text = f"less than {MIN_FREE_BYTES // MIB} MiB are free on the disk of {card.name}"
                raise DeployError(text)
            card.seek(to + done)
            _write_chunk(card, chunk, to + done)
        done += len(chunk)
        report(done)
    return Copy(to, done, digest.digest())


def _free_bytes(card: BinaryIO) -> int:
    disk = os.fstatvfs(card.fileno())
    return disk.f_bavail * disk.f_frsize


def _write_chunk(card: BinaryIO, chunk: bytes, at: int) -> None:
    try:
        card.write(chunk)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        raise DeployError(f"the card is full after {at} bytes; the image needs more") from error


def verify(card: BinaryIO, copies: Sequence[Copy], report: Progress) -> None:
    """Read back and compare, from the medium rather than from the page cache."""
    total = sum(copy.size for copy in copies)
    card.flush()
    if not stat.S_ISREG(os.fstat(card.fileno()).st_mode):
        os.fsync(card.fileno())
        os.posix_fadvise(card.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    for copy in copies:
        digest = hashlib.blake2b()
        card.seek(copy.to)
        done = 0
        while done < copy.size:
            chunk = card.read(min(CHUNK_BYTES, copy.size - done))
            if not chunk:
                break
            digest.update(chunk)
            done += len(chunk)
            report(total, total)  # lets a deadline end the verification
        if digest.digest() != copy.digest:
            raise DeployError(
                f"the card differs from the written data in bytes {copy.to} to "
                f"{copy.to + copy.size}: it is worn out, or smaller than it claims"
            )
