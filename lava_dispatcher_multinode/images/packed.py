"""Reading what is compressed, as a stream: nothing is written anywhere."""

from __future__ import annotations

import bz2
import contextlib
import gzip
import lzma
import subprocess
import zlib
from typing import IO, TYPE_CHECKING, cast

from ..errors import ImageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SUFFIXES = (".gz", ".bz2", ".xz", ".zst")
#: How such files begin: a name may not say it, as that of a download by number.
_BEGIN = (b"\x1f\x8b\x08", b"BZh", b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd")  # in that order
#: What reading a broken file raises; `opened` makes it an `ImageError`.
_BROKEN = (EOFError, ValueError, MemoryError, lzma.LZMAError, zlib.error, gzip.BadGzipFile)


def suffix_of(name: str, path: Path) -> str:
    """Return the one of `SUFFIXES` that `name` ends in, or else that fits the file; "" if none."""
    for suffix in SUFFIXES:
        if name.lower().endswith(suffix):
            return suffix
    with path.open("rb") as file:
        head = file.read(max(map(len, _BEGIN)))
    fits = (
        suffix for suffix, begin in zip(SUFFIXES, _BEGIN, strict=True) if head.startswith(begin)
    )
    return next(fits, "")


@contextlib.contextmanager
def opened(path: Path, suffix: str, name: str) -> Iterator[IO[bytes]]:
    """Give a context with what is in `path`, decompressed as its `suffix` says.

    `name` is what messages call it. Raise `ImageError` if it is broken, also
    where the reader finds out.
    """
    try:
        with _stream(path, suffix, name) as stream:
            yield stream
    except _BROKEN as error:
        raise ImageError(f"{name}: cannot be unpacked: {error}") from error


@contextlib.contextmanager
def _stream(path: Path, suffix: str, name: str) -> Iterator[IO[bytes]]:
    if suffix == ".zst":
        with _zstd(path, name) as stream:
            yield stream
        return
    openers = {".gz": gzip.GzipFile, ".bz2": bz2.BZ2File, ".xz": lzma.LZMAFile}
    opener = openers.get(suffix)
    with cast("IO[bytes]", opener(path)) if opener else path.open("rb") as stream:
        try:
            yield stream
        except OSError as error:
            # bz2's word for a broken file is an OSError without a number; a
            # disk's, of whatever the reader writes to, has one.
            if error.errno is None:
                raise ValueError(str(error)) from error
            raise


@contextlib.contextmanager
def _zstd(path: Path, name: str) -> Iterator[IO[bytes]]:
    # Python learns Zstandard with 3.14 only.
    try:
        process = subprocess.Popen(
            ["zstd", "-dcq", "--", str(path)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
    except FileNotFoundError:
        raise ImageError(f"{name}: needs the program zstd") from None
    with process:
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            yield process.stdout
            # Only what was read to its end is known to be whole.
            if not process.stdout.read(1):
                text = process.stderr.read().decode("utf-8", "backslashreplace").strip()
                if process.wait():
                    raise ImageError(f"{name}: cannot be unpacked: {text}")
        finally:
            process.kill()
