"""Reading gzip, bzip2, xz and zstd as streams. No temporary files are written.

Python's own readers take a damaged member for garbage after the one before it, and
return what they have read so far as the whole. This reader goes member by member to
the last byte of the file, as the tools of the formats do.
"""

from __future__ import annotations

import bz2
import contextlib
import io
import lzma
import re
import subprocess
import zlib
from typing import IO, TYPE_CHECKING, Any, NamedTuple, cast

from ..errors import DeployError, ImageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

SUFFIXES = (".gz", ".bz2", ".xz", ".zst")
#: The magic numbers, in the same order: a file name may have no suffix.
_MAGIC = (b"\x1f\x8b\x08", b"BZh", b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd")
HEAD_BYTES = max(map(len, _MAGIC))
_READ_BYTES = 1 << 16
_BUFFER_BYTES = 1 << 17
#: After an error of the reader, so much is read on in search of damage that explains it.
_MAX_SEARCH_BYTES = 1 << 30
_ERRORS = (OSError, EOFError, MemoryError, lzma.LZMAError, zlib.error)


class DamagedFile(ValueError):
    """A compressed file is damaged or truncated; the argument is the reason."""


def detect_suffix(name: str, path: Path) -> str:
    """Return the one of `SUFFIXES` that `name` has or the content shows; "" if none."""
    for suffix in SUFFIXES:
        if name.lower().endswith(suffix):
            return suffix
    with path.open("rb") as file:
        return match_magic(file.read(HEAD_BYTES))


def match_magic(head: bytes) -> str:
    """Return the one of `SUFFIXES` for the first `HEAD_BYTES` of a file; "" if none."""
    matches = (
        suffix for suffix, magic in zip(SUFFIXES, _MAGIC, strict=True) if head.startswith(magic)
    )
    return next(matches, "")


@contextlib.contextmanager
def open_decompressed(path: Path, suffix: str, name: str) -> Iterator[IO[bytes]]:
    """Give a context with the content of `path`, decompressed as `suffix` says ("": as it is).

    Messages call the file `name`. Raise `ImageError` for a damaged file when the reader
    reaches the damage; a truncated file fails at its end.
    """
    try:
        with path.open("rb") as file, _open_stream(file, suffix, name) as stream:
            try:
                yield stream
            except DeployError:
                if suffix:
                    _read_on(stream)
                raise
    except DamagedFile as error:
        raise ImageError(f"{name}: decompression failed: {error}") from error


def _read_on(stream: IO[bytes]) -> None:
    """Raise `DamagedFile` if the rest is damaged: checksums come last."""
    size = 0
    while size < _MAX_SEARCH_BYTES and (block := stream.read(_BUFFER_BYTES)):
        size += len(block)


@contextlib.contextmanager
def _open_stream(file: IO[bytes], suffix: str, name: str) -> Iterator[IO[bytes]]:
    if suffix == ".zst":
        with _open_zstd(file, name) as stream:
            yield stream
    else:
        yield decompress(file, suffix) if suffix else file


def decompress(file: IO[bytes], suffix: str, *, first_only: bool = False) -> IO[bytes]:
    """Return a buffered stream of the decompressed `file`; reading it raises `DamagedFile`.

    `suffix` is ".gz", ".bz2", ".xz" or ".lzma". With `first_only`, reading stops after the
    first member and ignores the rest of the file.
    """
    return _buffered(_Decompressor(file, suffix, first_only=first_only))


def _buffered(raw: io.RawIOBase) -> IO[bytes]:
    return cast("IO[bytes]", io.BufferedReader(raw, _BUFFER_BYTES))


@contextlib.contextmanager
def _open_zstd(file: IO[bytes], name: str) -> Iterator[IO[bytes]]:
    # The standard library has Zstandard from Python 3.14 on.
    try:
        process = subprocess.Popen(
            ["zstd", "-dcq", "--long=31"],
            stdin=file,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
    except FileNotFoundError:
        raise ImageError(f"{name}: needs the program zstd") from None
    with process:
        try:
            yield _buffered(_ProcessOutput(process))
        finally:
            process.kill()


class _ProcessOutput(io.RawIOBase):
    """The output of a program; `DamagedFile` with its last error line if it fails."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        assert self._process.stdout is not None
        data = self._process.stdout.read1(len(buffer))  # type: ignore[attr-defined]
        if not data and self._process.wait():
            assert self._process.stderr is not None
            text = self._process.stderr.read().decode("utf-8", "backslashreplace").strip()
            reason = text.rpartition("\n")[2].removeprefix("zstd: ").removeprefix("/*stdin*\\")
            raise DamagedFile(reason.lstrip(" :") or f"exit status {self._process.returncode}")
        buffer[: len(data)] = data
        return len(data)


class _Decompressor(io.RawIOBase):
    """The content of a file with one or more members."""

    def __init__(self, file: IO[bytes], suffix: str, *, first_only: bool) -> None:
        self._file = file
        self._format = _FORMATS[suffix]
        self._first_only = first_only
        self._member = self._format.member()
        self._ahead = b""  # read from the file, but not part of a member yet
        self._done = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill `buffer` with one step of the decompressor; return 0 at the end."""
        while not self._done:
            if self._member.eof:
                self._start_next_member()
            elif data := self._step(len(buffer)):
                buffer[: len(data)] = data
                return len(data)
        return 0

    def _step(self, size: int) -> bytes:
        packed = b""
        if self._member.needs_input:
            packed = self._ahead or self._file.read(_READ_BYTES)
            self._ahead = b""
        try:
            data = self._member.decompress(packed, size)
        except _ERRORS as error:
            raise DamagedFile(str(error) or "out of memory") from error
        if not (data or packed or self._member.eof) and self._member.needs_input:
            raise DamagedFile("the file is truncated")
        return data

    def _start_next_member(self) -> None:
        """Start the next member, or set `_done`."""
        self._ahead = self._member.unused_data
        if self._first_only:
            self._done = True
            return
        zeros = 0
        while self._fill_ahead(1):
            rest = self._ahead.lstrip(b"\0")
            zeros += len(self._ahead) - len(rest)
            self._ahead = rest
            if rest:
                break
        self._fill_ahead(4)
        if self._format.is_member(zeros, self._ahead[:4]):
            self._member = self._format.member()
        else:
            self._done = True

    def _fill_ahead(self, size: int) -> bool:
        """Read until `size` bytes are ahead or the file ends; return True if any are."""
        while len(self._ahead) < size and (block := self._file.read(_READ_BYTES)):
            self._ahead += block
        return bool(self._ahead)


class _GzipDecompressor:
    """zlib's decompressor with the interface of the other two."""

    def __init__(self) -> None:
        self._zlib = zlib.decompressobj(16 + zlib.MAX_WBITS)

    @property
    def eof(self) -> bool:
        return self._zlib.eof

    @property
    def needs_input(self) -> bool:
        return not self._zlib.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        return self._zlib.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        return self._zlib.decompress(self._zlib.unconsumed_tail + data, max_length)


class _Format(NamedTuple):
    """`is_member` gets the number of zeros after a member and the first 4 bytes after those."""

    member: Callable[[], bz2.BZ2Decompressor | lzma.LZMADecompressor | _GzipDecompressor]
    is_member: Callable[[int, bytes], bool]


def _is_gzip_member(zeros: int, head: bytes) -> bool:
    if head and (zeros or not head.startswith(b"\x1f\x8b")):
        raise DamagedFile("garbage after the end of the data")
    return bool(head)


def _is_bzip2_member(zeros: int, head: bytes) -> bool:
    return not zeros and re.fullmatch(rb"B(Z(h[1-9]?)?)?", head) is not None


def _is_xz_member(zeros: int, head: bytes) -> bool:
    if zeros % 4:
        raise DamagedFile("the padding is not a multiple of 4 bytes")
    return bool(head)


_FORMATS = {
    ".gz": _Format(_GzipDecompressor, _is_gzip_member),
    ".bz2": _Format(bz2.BZ2Decompressor, _is_bzip2_member),
    ".xz": _Format(lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ), _is_xz_member),
    ".lzma": _Format(lambda: lzma.LZMADecompressor(lzma.FORMAT_ALONE), _is_gzip_member),
}
