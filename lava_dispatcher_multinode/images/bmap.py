"""Block maps (bmap): which blocks of an image hold data, with their checksums.

`bmaptool create` and build systems write such a file beside an image. Its content is not
trusted: it is an XML of bounded size, without a document type, so without entities.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Any, NamedTuple
from xml.parsers import expat

from ..errors import DeployError

if TYPE_CHECKING:
    from pathlib import Path

    from .card_io import Reader

SUFFIX = ".bmap"
MAX_BYTES = 16 << 20  # of the file: some 150000 ranges
MAX_IMAGE_BYTES = 1 << 50
MAX_RANGES = 1 << 20
_HEAD_BYTES = 1 << 16  # comments come before the first element
_BLOCK_BYTES = (512, 1 << 20)
_DIGESTS = ("sha1", "sha256", "sha512", "md5")
_TEXTS = {
    "ImageSize", "BlockSize", "BlocksCount", "MappedBlocksCount",
    "ChecksumType", "BmapFileChecksum", "BmapFileSHA1", "Range",
}  # fmt: skip
_VERSION = re.compile(r"\s*([12])\.\d+\s*")
_RANGE = re.compile(r"\s*(\d{1,15})\s*(?:-\s*(\d{1,15})\s*)?")
_NUMBER = re.compile(r"\s*(\d{1,18})\s*")


class Range(NamedTuple):
    """A mapped part of the image, in bytes, with its checksum ("": none)."""

    start: int
    size: int
    checksum: str


class Summed:
    """A stream of which the checksum is made while it is read."""

    def __init__(self, stream: Reader, algorithm: str) -> None:
        self._stream = stream
        self._sum = hashlib.new(algorithm, usedforsecurity=False)

    def read(self, size: int, /) -> bytes:
        """Return the next bytes of the stream."""
        data = self._stream.read(size)
        self._sum.update(data)
        return data

    @property
    def digest(self) -> str:
        """The checksum of what was read."""
        return self._sum.hexdigest()


class Bmap(NamedTuple):
    """A block map; `name` is for errors."""

    name: str
    image_size: int
    ranges: tuple[Range, ...]
    algorithm: str

    @property
    def mapped(self) -> int:
        """The number of mapped bytes."""
        return sum(part.size for part in self.ranges)

    def summed(self, stream: Reader) -> Summed:
        """Return `stream` with its checksum."""
        return Summed(stream, self.algorithm)

    def check(self, part: Range, digest: str) -> None:
        """Raise `DeployError` if `digest` is not that of the range."""
        if part.checksum and digest != part.checksum:
            raise DeployError(
                f"{self.name}: the {self.algorithm} of bytes {part.start} to "
                f"{part.start + part.size} is {digest} in the image and {part.checksum} in the "
                "block map: they do not belong together, or the image is damaged"
            )

    def describe_size(self, size: int | None) -> str:
        """Return the reason for an image that ends, or does not end, at `size`."""
        found = f"{size} bytes" if size is not None and size <= self.image_size else "more"
        return (
            f"the block map is of an image of {self.image_size} bytes, but this one has {found}: "
            "they do not belong together"
        )


def is_bmap(path: Path) -> bool:
    """Return True if the file looks like a block map, usable or not."""
    with path.open("rb") as file:
        return b"<bmap" in file.read(_HEAD_BYTES)


def parse(content: bytes, name: str) -> Bmap:
    """Return the block map in `content`; raise `DeployError` naming `name`."""
    try:
        return _parse(content, name)
    except (ValueError, expat.ExpatError) as error:
        raise DeployError(f"{name}: not a usable block map: {error}") from error


def _parse(content: bytes, name: str) -> Bmap:
    document = _Document(content)
    if not _VERSION.fullmatch(document.version):
        raise ValueError(f"version {document.version or '(none)'!r}, known are 1.x and 2.x")
    algorithm = document.texts.get("ChecksumType", "sha1").strip()
    if algorithm not in _DIGESTS:
        raise ValueError(f"unknown ChecksumType {algorithm!r}")
    _check_own_sum(content, document, algorithm)
    size, block = document.number("ImageSize"), document.number("BlockSize")
    blocks = document.number("BlocksCount")
    if not _BLOCK_BYTES[0] <= block <= _BLOCK_BYTES[1] or size > MAX_IMAGE_BYTES:
        raise ValueError(f"BlockSize {block}, ImageSize {size}")
    if not size or blocks != -(-size // block):
        raise ValueError(f"BlocksCount is {blocks}, which is not ImageSize / BlockSize")
    ranges, end, mapped = [], 0, 0
    for text, checksum in document.ranges:
        found = _RANGE.fullmatch(text)
        if found is None:
            raise ValueError(f"the range {text[:60]!r} is not FIRST-LAST")
        first, last = int(found[1]), int(found[2] or found[1])
        if not end <= first <= last < blocks:
            raise ValueError(f"the range {text.strip()} overlaps, or is outside the image")
        end, mapped = last + 1, mapped + last + 1 - first
        stop = min((last + 1) * block, size)
        ranges.append(Range(first * block, stop - first * block, checksum))
    if "MappedBlocksCount" in document.texts and mapped != document.number("MappedBlocksCount"):
        raise ValueError(f"MappedBlocksCount differs from the {mapped} blocks of the ranges")
    return Bmap(name, size, tuple(ranges), algorithm)


def _check_own_sum(content: bytes, document: _Document, algorithm: str) -> None:
    """Check the sum of the file itself, which is made with zeros in its place."""
    for key in ("BmapFileChecksum", "BmapFileSHA1"):
        wanted = document.texts.get(key, "").strip().lower()
        if wanted:
            raw = wanted.encode()
            blank = content.replace(raw, b"0" * len(raw), 1)
            if hashlib.new(algorithm, blank, usedforsecurity=False).hexdigest() != wanted:
                raise ValueError(f"its own checksum ({key}) is wrong: the file is damaged")


class _Document:
    """The texts of the elements that are known."""

    def __init__(self, content: bytes) -> None:
        self.version = ""
        self.texts: dict[str, str] = {}
        self.ranges: list[tuple[str, str]] = []  # text, checksum
        self._open = ""
        self._sum = ""
        if len(content) > MAX_BYTES:
            raise ValueError(f"more than {MAX_BYTES >> 20} MiB")
        parser: Any = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartDoctypeDeclHandler = self._refuse
        parser.StartElementHandler = self._start
        parser.CharacterDataHandler = self._add
        parser.EndElementHandler = self._end
        parser.Parse(content, True)

    def number(self, key: str) -> int:
        """Return the number in the element `key`; raise `ValueError`."""
        found = _NUMBER.fullmatch(self.texts.get(key, ""))
        if found is None:
            raise ValueError(f"no number in {key}")
        return int(found[1])

    def _refuse(self, *_: object) -> None:
        raise ValueError("a document type is not allowed")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "bmap":
            self.version = attributes.get("version", "")
        if name in _TEXTS:
            self._open = name
            self.texts[name] = ""
            self._sum = attributes.get("chksum", attributes.get("sha1", "")).lower()

    def _add(self, text: str) -> None:
        if self._open:
            self.texts[self._open] += text

    def _end(self, name: str) -> None:
        if name == "Range":
            self.ranges.append((self.texts["Range"], self._sum))
            if len(self.ranges) > MAX_RANGES:
                raise ValueError(f"more than {MAX_RANGES} ranges")
        self._open = ""
