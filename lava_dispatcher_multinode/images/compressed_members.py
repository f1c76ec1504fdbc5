"""Reading gzip, bzip2 and xz as their own tools do: member by member, to the file's last byte.

Python's own readers take a damaged member for garbage behind the one before, and
pass what they have read until then for the whole.
"""

from __future__ import annotations

import bz2
import io
import lzma
import re
import zlib
from typing import IO, TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

_BLOCK = 1 << 16
_ERRORS = (OSError, EOFError, MemoryError, lzma.LZMAError, zlib.error)


class Broken(ValueError):
    """A compressed file is damaged or cut short; the text is the reason."""


class Members(io.RawIOBase):
    """What is in the compressed `file`, as `suffix` says; `Broken` where its tool refuses it.

    With `first_only`, what follows the first member is not looked at.
    """

    def __init__(self, file: IO[bytes], suffix: str, *, first_only: bool = False) -> None:
        self._file = file
        self._format = _FORMATS[suffix]
        self._first_only = first_only
        self._member = self._format.member()
        self._ahead = b""  # read from the file, but not part of a member yet
        self._done = False

    def readable(self) -> bool:
        """Return True: it can be read, once, from its beginning on."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill `buffer` as far as one step of the decompressor does; 0 at the end."""
        while not self._done:
            if self._member.eof:
                self._go_on()
            elif data := self._step(len(buffer)):
                buffer[: len(data)] = data
                return len(data)
        return 0

    def _step(self, size: int) -> bytes:
        packed = b""
        if self._member.needs_input:
            packed = self._ahead or self._file.read(_BLOCK)
            self._ahead = b""
        try:
            data = self._member.decompress(packed, size)
        except _ERRORS as error:
            raise Broken(str(error) or "out of memory") from error
        if not (data or packed or self._member.eof) and self._member.needs_input:
            raise Broken("it ends too early")
        return data

    def _go_on(self) -> None:
        """Begin the next member, or end."""
        self._ahead = self._member.unused_data
        if self._first_only:
            self._done = True
            return
        zeros = 0
        while self._fill(1):
            rest = self._ahead.lstrip(b"\0")
            zeros += len(self._ahead) - len(rest)
            self._ahead = rest
            if rest:
                break
        self._fill(4)
        if self._format.goes_on(zeros, self._ahead[:4]):
            self._member = self._format.member()
        else:
            self._done = True

    def _fill(self, size: int) -> bool:
        """Read on until `size` bytes are ahead, or the file ends; return whether any are."""
        while len(self._ahead) < size and (block := self._file.read(_BLOCK)):
            self._ahead += block
        return bool(self._ahead)


class _Member(Protocol):
    """A decompressor of the standard library, for one member."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int) -> bytes: ...


class _Gzip:
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
    """`goes_on` takes how many zeros follow a member, and what follows them: is it a member?"""

    member: Callable[[], _Member]
    goes_on: Callable[[int, bytes], bool]


def _gzip_goes_on(zeros: int, head: bytes) -> bool:
    if head and (zeros or not head.startswith(b"\x1f\x8b")):
        raise Broken("garbage follows its end")
    return bool(head)


def _bzip2_goes_on(zeros: int, head: bytes) -> bool:
    return not zeros and re.fullmatch(rb"B(Z(h[1-9]?)?)?", head) is not None


def _xz_goes_on(zeros: int, head: bytes) -> bool:
    if zeros % 4:
        raise Broken("its padding is no multiple of 4 bytes")
    return bool(head)


_FORMATS = {
    ".gz": _Format(_Gzip, _gzip_goes_on),
    ".bz2": _Format(bz2.BZ2Decompressor, _bzip2_goes_on),
    ".xz": _Format(lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ), _xz_goes_on),
    ".lzma": _Format(lambda: lzma.LZMADecompressor(lzma.FORMAT_ALONE), _gzip_goes_on),
}
