"""Frames of the console channel: one line each, with an ID and a checksum.

    <LAVA_MN Q ID N/M SUM PAYLOAD>   part N of M of a request, from the board
    <LAVA_MN R ID N/M SUM PAYLOAD>   part N of M of a reply, to the board
    <LAVA_MN A ID SUM>               acknowledgement of the frame with that ID and SUM
    <LAVA_MN G ID SUM>               the caller of ID has ended: no reply is needed
    <LAVA_MN N ID 0>                 a damaged frame for ID arrived: send it again now
    <LAVA_MN K N>                    acknowledgement of piece N (testshell/flow_control.py)

A payload is a piece of a list of words, each followed by a comma; bytes that a console may
alter are written as %ooo (octal). SUM is the cksum(1) of `Q ID N/M PAYLOAD` and a newline.
A board without cksum sends the first 8 digits of the MD5 instead. See
docs/reference/console-channel.md.
"""

from __future__ import annotations

import hashlib
import re
import zlib
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

FRAME_MARK = b"<LAVA_MN "
#: The kinds of frames.
REQUEST, REPLY, ACK, GONE, NAK, PIECE_ACK = b"Q", b"R", b"A", b"G", b"N", b"K"
NO_CHECKSUM = b"0"  # what a NAK quotes
#: The same as on the board. A longer frame is damaged more often, a shorter one is mostly
#: header; both fit into a terminal's 4095 bytes.
MAX_PAYLOAD_BYTES = 400

_SPECIAL = re.compile(rb"[^!-~]|[%,<>\\]")
_ESCAPE = re.compile(rb"%([0-3][0-7]{2})?")
_FRAME = re.compile(
    rb"<LAVA_MN (?:"
    rb"(?P<kind>[QR]) (?P<id>[0-9a-f]{1,16}-[0-9]{1,10})"
    rb" (?P<part>[0-9]{1,6})/(?P<parts>[0-9]{1,6})"
    rb" (?P<sum>[0-9a-f]{1,10}) (?P<payload>[!-;=?-~]{0,1000})"
    rb"|(?P<word>[AGN]) (?P<about>[0-9a-f]{1,16}-[0-9]{1,10}) (?P<quoted>[0-9a-f]{1,10})"
    rb")>"
    # A frame that is damaged behind its ID.
    rb"|<LAVA_MN (?P<rest>[QAGN]) (?P<hit>[0-9a-f]{1,16}-[0-9]{1,10}) "
)


def both_checksums(text: bytes) -> tuple[bytes, bytes]:
    """Return the checksums of a text that a board with cksum and one without it send."""
    return checksum(text, md5=False), checksum(text, md5=True)


@lru_cache(maxsize=16)  # needed when a frame is checked, and again for its acknowledgement
def checksum(text: bytes, *, md5: bool) -> bytes:
    """Return the MD5 digits or the cksum of a text."""
    if md5:
        return hashlib.md5(text, usedforsecurity=False).hexdigest()[:8].encode()
    return b"%d" % cksum(text)


class DataFrame(NamedTuple):
    """Part number `part`, from 1, of a `REQUEST` or a `REPLY`."""

    kind: bytes
    id: bytes
    part: int
    parts: int
    payload: bytes
    md5: bool = False  # which checksum it carries

    @property
    def text(self) -> bytes:
        """The text under the checksum."""
        return b"%b %b %d/%d %b\n" % (self.kind, self.id, self.part, self.parts, self.payload)

    @property
    def sum(self) -> bytes:
        """The checksum."""
        return checksum(self.text, md5=self.md5)

    def line(self) -> bytes:
        """Return the frame with its newline."""
        return b"<LAVA_MN %b %b %d/%d %b %b>\n" % (
            self.kind,
            self.id,
            self.part,
            self.parts,
            self.sum,
            self.payload,
        )


class AckFrame(NamedTuple):
    """A frame without payload, of the kind `ACK`, `GONE` or `NAK`; it quotes a checksum."""

    kind: bytes
    id: bytes
    sum: bytes

    def line(self) -> bytes:
        """Return the frame with its newline."""
        return b"<LAVA_MN %b %b %b>\n" % (self.kind, self.id, self.sum)


class DamagedFrame(NamedTuple):
    """A damaged frame whose kind and ID are readable."""

    kind: bytes
    id: bytes


def find_frames(line: bytes) -> Iterator[DataFrame | AckFrame | DamagedFrame]:
    """Yield the frames from the board in a console line, which may hold other text too."""
    for match in _FRAME.finditer(line):
        if match["rest"]:
            yield DamagedFrame(match["rest"], match["hit"])
            continue
        if match["word"]:
            yield AckFrame(match["word"], match["about"], match["quoted"])
            continue
        part = DataFrame(
            match["kind"], match["id"], int(match["part"]), int(match["parts"]), match["payload"]
        )
        sound = part.sum == match["sum"]
        if not sound:
            part = part._replace(md5=True)
            sound = part.sum == match["sum"]
        if sound and 1 <= part.part <= part.parts:
            yield part
        elif part.kind == REQUEST:
            yield DamagedFrame(part.kind, part.id)


def encode(words: Iterable[bytes]) -> bytes:
    """Return `words` as printable ASCII without space, backslash, '<' and '>'."""
    return b"".join(
        _SPECIAL.sub(lambda match: b"%%%03o" % match[0][0], word) + b"," for word in words
    )


def decode(text: bytes) -> list[bytes]:
    """Return the words in `text`; ValueError for text that `encode` does not produce."""
    *words, rest = text.split(b",")
    if rest:
        raise ValueError("the last word has no end")
    return [_ESCAPE.sub(_unescape, word) if b"%" in word else word for word in words]


def _unescape(match: re.Match[bytes]) -> bytes:
    if match[1] is None:
        raise ValueError("'%' without three octal digits")
    return bytes((int(match[1], 8),))


def split_payloads(text: bytes) -> list[bytes]:
    """Return encoded `text` in payloads. No escape is split: each is decodable by itself."""
    payloads = []
    start = 0
    while start < len(text):
        end = min(start + MAX_PAYLOAD_BYTES, len(text))
        escape = text.rfind(b"%", max(start, end - 3), end)
        if escape > start and end < len(text):
            end = escape
        payloads.append(text[start:end])
        start = end
    return payloads or [b""]


_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def cksum(data: bytes) -> int:
    """Return the checksum that POSIX cksum(1) prints for `data`.

    POSIX uses zlib's polynomial with the bits in reverse order, starts from zero and appends
    the length. With the bits of every byte reversed, zlib's loop in C computes it.
    """
    length = len(data)
    tail = length.to_bytes((length.bit_length() + 7) // 8, "little")
    crc = zlib.crc32((data + tail).translate(_REVERSED), 0xFFFFFFFF)
    return int.from_bytes(crc.to_bytes(4, "little").translate(_REVERSED), "big")
