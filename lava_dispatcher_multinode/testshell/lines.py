"""A stream of bytes as lines, in linear time and flat memory; a long line comes in parts."""

from __future__ import annotations

from typing import NamedTuple

#: Bytes that a signal can have: no part of a line ends in one that is shorter.
MAX_SIGNAL_BYTES = 16384
_SIGNAL = b"<LAVA_"
_CALL = b"<LAVA_MULTI_NODE> "  # a call in LAVA's form is this and a signal


class LineBatch(NamedTuple):
    """What a chunk completes: lines, the last of them only as far as it came if not `ends`.

    What follows then is the rest of that line. Nothing comes twice.
    """

    lines: list[bytes]
    ends: bool


class LineSplitter:
    """Cuts chunks at newlines; carriage returns around a line are dropped.

    A line without an end is not kept: what is in front of its last `2 * longest` bytes
    is a part, but for a signal that begins there.
    """

    def __init__(self, longest: int = MAX_SIGNAL_BYTES) -> None:
        self._longest = longest
        self._pieces: list[bytes] = []
        self._size = 0
        self._begins = True  # whether the pieces are of a line's beginning

    def feed(self, data: bytes) -> LineBatch:
        """Return the lines that `data` completes, and a part of one that is long."""
        first, *lines = data.split(b"\n")
        self._keep(first)
        done = []
        if lines:
            done = [self.rest()]
            done += [line.strip(b"\r") for line in lines[:-1]]
            self._keep(lines[-1])
        if self._size < 4 * self._longest:
            return LineBatch(done, ends=True)
        return LineBatch([*done, self._part()], ends=False)

    def rest(self) -> bytes:
        """Return the line that is not complete, and forget it."""
        line = self._taken().rstrip(b"\r")
        self._begins = True
        return line

    def _keep(self, piece: bytes) -> None:
        if piece:
            self._pieces.append(piece)
            self._size += len(piece)

    def _taken(self) -> bytes:
        text = b"".join(self._pieces)
        self._pieces.clear()
        self._size = 0
        return text.lstrip(b"\r") if self._begins else text

    def _part(self) -> bytes:
        text = self._taken()
        cut = max(len(text) - 2 * self._longest, 0)
        signal = text.rfind(_SIGNAL, 0, cut + len(_SIGNAL) - 1)
        if signal >= 0 and text.endswith(_CALL, 0, signal):
            signal -= len(_CALL)
        if signal >= cut - self._longest:
            cut = max(signal, 0)
        self._begins = False
        self._keep(text[cut:])
        return text[:cut]
