"""The frames between boards and us: one line each, with an ID and a checksum.

    <LAVA_MN Q ID N/M SUM PAYLOAD>   part N of M of a question, from the board
    <LAVA_MN R ID N/M SUM PAYLOAD>   part N of M of an answer, to the board
    <LAVA_MN A ID SUM>               the frame with that ID and SUM has come
    <LAVA_MN G ID SUM>               nobody waits any more for the answer with that SUM
    <LAVA_MN N ID 0>                 a frame for ID came damaged: send it again now

A payload is a piece of words, each with a comma behind it; what could be
mistaken on a console is %ooo, octal. SUM is the cksum(1) of `Q ID N/M PAYLOAD`
and a newline; a board without one takes its MD5's first 8 digits. See
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
DAMAGED = b"0"  # what an `N` quotes
#: Bytes of payload in one frame, as on the board. A longer frame is hit more often, a
#: shorter one is mostly header; either way it stays far below a terminal's 4095.
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
    # What is left of one that was hit behind its ID.
    rb"|<LAVA_MN (?P<rest>[QAGN]) (?P<hit>[0-9a-f]{1,16}-[0-9]{1,10}) "
)


def sums(text: bytes) -> tuple[bytes, bytes]:
    """Return both checksums of a text, as a board with cksum and one without says them."""
    return checksum(text, md5=False), checksum(text, md5=True)


@lru_cache(maxsize=16)  # it is asked for when a frame is checked, and when it is acknowledged
def checksum(text: bytes, *, md5: bool) -> bytes:
    """Return one of them."""
    if md5:
        return hashlib.md5(text, usedforsecurity=False).hexdigest()[:8].encode()
    return b"%d" % cksum(text)


class DataFrame(NamedTuple):
    """A piece of a question (`Q`) or of an answer (`R`); `part` counts from 1."""

    kind: bytes
    id: bytes
    part: int
    parts: int
    payload: bytes
    md5: bool = False  # how it is summed

    @property
    def text(self) -> bytes:
        """What the checksum is of."""
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
    """An acknowledgement (`A`), or news: nobody waits (`G`), damage (`N`); quotes a checksum."""

    kind: bytes
    id: bytes
    sum: bytes

    def line(self) -> bytes:
        """Return the frame with its newline."""
        return b"<LAVA_MN %b %b %b>\n" % (self.kind, self.id, self.sum)


class DamagedFrame(NamedTuple):
    """A frame whose kind and ID can be read, and whose rest cannot."""

    kind: bytes
    id: bytes


def find(line: bytes) -> Iterator[DataFrame | AckFrame | DamagedFrame]:
    """Yield the frames from the board in a line, which may hold anything else too."""
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
        elif part.kind == b"Q":
            yield DamagedFrame(part.kind, part.id)


def encode(words: Iterable[bytes]) -> bytes:
    """Return `words` as printable ASCII without space, backslash, '<' and '>'."""
    return b"".join(
        _SPECIAL.sub(lambda match: b"%%%03o" % match[0][0], word) + b"," for word in words
    )


def decode(text: bytes) -> list[bytes]:
    """Return the words in `text`; ValueError if it is not what `encode` makes."""
    *words, rest = text.split(b",")
    if rest:
        raise ValueError("the last word has no end")
    return [_ESCAPE.sub(_unescape, word) if b"%" in word else word for word in words]


def _unescape(match: re.Match[bytes]) -> bytes:
    if match[1] is None:
        raise ValueError("'%' without three octal digits")
    return bytes((int(match[1], 8),))


def split(text: bytes) -> list[bytes]:
    """Return encoded `text` in payloads; no escape is torn, so each can be decoded alone."""
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
    """Return what `cksum` prints first for `data`.

    POSIX runs zlib's polynomial over the bits in the other order, starts from
    zero and appends the length; so with the bits of every byte turned round
    zlib's own loop, in C, does it.
    """
    length = len(data)
    tail = length.to_bytes((length.bit_length() + 7) // 8, "little")
    crc = zlib.crc32((data + tail).translate(_REVERSED), 0xFFFFFFFF)
    return int.from_bytes(crc.to_bytes(4, "little").translate(_REVERSED), "big")
