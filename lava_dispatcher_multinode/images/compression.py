"""Reading what is compressed, as a stream: nothing is written anywhere."""

from __future__ import annotations

import contextlib
import io
import subprocess
from typing import IO, TYPE_CHECKING, Any, cast

from ..errors import DeployError, ImageError
from .compressed_members import Broken, Members

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SUFFIXES = (".gz", ".bz2", ".xz", ".zst")
#: How such files begin: a name may not say it, as that of a download by number.
_BEGIN = (b"\x1f\x8b\x08", b"BZh", b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd")  # in that order
HEAD = max(map(len, _BEGIN))
_BLOCK = 1 << 17
_FURTHER = 1 << 30  # bytes in which the damage is looked for of which an image makes no sense


def suffix_of(name: str, path: Path) -> str:
    """Return the one of `SUFFIXES` that `name` ends in, or else that fits the file; "" if none."""
    for suffix in SUFFIXES:
        if name.lower().endswith(suffix):
            return suffix
    with path.open("rb") as file:
        return suffix_by(file.read(HEAD))


def suffix_by(head: bytes) -> str:
    """Return the one of `SUFFIXES` that fits a file's first `HEAD` bytes; "" if none."""
    fits = (
        suffix for suffix, begin in zip(SUFFIXES, _BEGIN, strict=True) if head.startswith(begin)
    )
    return next(fits, "")


@contextlib.contextmanager
def opened(path: Path, suffix: str, name: str) -> Iterator[IO[bytes]]:
    """Give a context with what is in `path`, decompressed as its `suffix` says.

    `name` is what messages call it. Raise `ImageError` if it is broken, where
    the reader comes to it: at the end, that is, if the file is cut short.
    """
    try:
        with path.open("rb") as file, _stream(file, suffix, name) as stream:
            try:
                yield stream
            except DeployError:
                if suffix:
                    _read_on(stream)
                raise
    except Broken as error:
        raise ImageError(f"{name}: cannot be unpacked: {error}") from error


def _read_on(stream: IO[bytes]) -> None:
    """Raise `Broken` if the file is damaged: checksums come last."""
    size = 0
    while size < _FURTHER and (block := stream.read(_BLOCK)):
        size += len(block)


@contextlib.contextmanager
def _stream(file: IO[bytes], suffix: str, name: str) -> Iterator[IO[bytes]]:
    if suffix == ".zst":
        with _zstd(file, name) as stream:
            yield stream
    else:
        yield reader(Members(file, suffix)) if suffix else file


def reader(raw: io.RawIOBase) -> IO[bytes]:
    """Return `raw` with a buffer."""
    return cast("IO[bytes]", io.BufferedReader(raw, _BLOCK))


@contextlib.contextmanager
def _zstd(file: IO[bytes], name: str) -> Iterator[IO[bytes]]:
    # Python learns Zstandard with 3.14 only.
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
            yield reader(_Output(process))
        finally:
            process.kill()


class _Output(io.RawIOBase):
    """What a program prints; `Broken` at the end if it fails, with its last line."""

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
            raise Broken(reason.lstrip(" :") or f"exit status {self._process.returncode}")
        buffer[: len(data)] = data
        return len(data)
