"""Splits a byte stream into lines in linear time and constant memory; long lines in parts."""

from __future__ import annotations

from typing import NamedTuple

#: The longest signal: no part of a long line ends inside a shorter one.
MAX_SIGNAL_BYTES = 16384
_SIGNAL = b"<LAVA_"
_CALL = b"<LAVA_MULTI_NODE> "  # precedes the signal of a call in LAVA's form


class LineBatch(NamedTuple):
    """The lines that a chunk completes; unless `ends`, the last one is continued by the next."""

    lines: list[bytes]
    ends: bool


class LineSplitter:
    """Splits chunks at newlines, and drops carriage returns around a line.

    An endless line is not buffered: all but its last `2 * max_signal` bytes are returned as
    a part, which does not end inside a signal.
    """

    def __init__(self, max_signal: int = MAX_SIGNAL_BYTES) -> None:
        self._max_signal = max_signal
        self._pieces: list[bytes] = []
        self._size = 0
        self._begins = True  # the pieces are the beginning of a line

    def feed(self, data: bytes) -> LineBatch:
        """Return the lines that `data` completes, or a part of a long one."""
        first, *lines = data.split(b"\n")
        self._keep(first)
        done = []
        if lines:
            done = [self.rest()]
            done += [line.strip(b"\r") for line in lines[:-1]]
            self._keep(lines[-1])
        if self._size < 4 * self._max_signal:
            return LineBatch(done, ends=True)
        return LineBatch([*done, self._part()], ends=False)

    def rest(self) -> bytes:
        """Return the incomplete line, and forget it."""
        line = self._pop().rstrip(b"\r")
        self._begins = True
        return line

    def _keep(self, piece: bytes) -> None:
        if piece:
            self._pieces.append(piece)
            self._size += len(piece)

    def _pop(self) -> bytes:
        text = b"".join(self._pieces)
        self._pieces.clear()
        self._size = 0
        return text.lstrip(b"\r") if self._begins else text

    def _part(self) -> bytes:
        text = self._pop()
        cut = max(len(text) - 2 * self._max_signal, 0)
        signal = text.rfind(_SIGNAL, 0, cut + len(_SIGNAL) - 1)
        if signal >= 0 and text.endswith(_CALL, 0, signal):
            signal -= len(_CALL)
        if signal >= cut - self._max_signal:
            cut = max(signal, 0)
        self._begins = False
        self._keep(text[cut:])
        return text[:cut]
