"""What the board printed: console.raw, every byte; console.log, with the time of each line."""

from __future__ import annotations

import re
import threading
from collections import deque
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MAX_LINE = 4096  # bytes of one line in console.log; a longer one is continued
TAIL_LINES = 12
TAIL_WIDTH = 200  # bytes of one of them
# All C0 and C1 bytes that a terminal would obey, but for the tab.
_CONTROL = re.compile(rb"[\x00-\x08\x0b-\x1f\x7f]")


def printable(line: bytes) -> str:
    """Return a console line for people: what a terminal would obey is made visible."""
    if _CONTROL.search(line):
        line = _CONTROL.sub(lambda match: b"\\x%02x" % match.group()[0], line)
    text = line.decode("utf-8", "backslashreplace")
    return text if text.isprintable() else "".join(map(_visible, text))


def _visible(character: str) -> str:
    if character.isprintable() or character == "\t":
        return character
    return character.encode("unicode_escape").decode("ascii")


class Transcript:
    """Writes both files as the bytes come; thread-safe."""

    def __init__(self, directory: Path, clock: Callable[[], float]) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._raw: BinaryIO = (directory / "console.raw").open("wb", buffering=0)
        self._log: BinaryIO = (directory / "console.log").open("wb")
        self._clock = clock
        self._partial = b""
        self._started = 0.0  # when the partial line's first byte came
        self._tail: deque[bytes] = deque(maxlen=TAIL_LINES)
        self._lock = threading.Lock()

    def feed(self, data: bytes) -> None:
        """Record bytes of the board."""
        with self._lock:
            self._raw.write(data)
            self._log.write(self._stamped(data))
            self._log.flush()

    def _stamped(self, data: bytes) -> bytes:
        now = self._clock()
        stamp = b"[%12.6f] " % now
        lines = data.split(b"\n")
        if self._partial:
            lines[0] = self._partial + lines[0]
        out = []
        for index, line in enumerate(lines[:-1]):
            first = b"[%12.6f] " % self._started if index == 0 and self._partial else stamp
            for start in range(0, len(line) or 1, MAX_LINE):
                out.append(first + self._clean(line[start : start + MAX_LINE]) + b"\n")
        if not self._partial or len(lines) > 1:
            self._started = now
        self._partial = lines[-1]
        while len(self._partial) > MAX_LINE:
            first = b"[%12.6f] " % self._started
            out.append(first + self._clean(self._partial[:MAX_LINE]) + b"\n")
            self._partial = self._partial[MAX_LINE:]
            self._started = now
        return b"".join(out)

    def note(self, text: str) -> None:
        """Write a remark of the dispatcher's into console.log: power on, power off."""
        with self._lock:
            if not self._log.closed:
                self._end_line()
                self._log.write(b"[%12.6f] -- %s --\n" % (self._clock(), text.encode()))
                self._log.flush()

    def tail(self) -> list[str]:
        """Return the last lines that had something on them, oldest first."""
        with self._lock:
            lines = [*self._tail, self._partial]
        texts = (printable(line[-TAIL_WIDTH:].strip()) for line in lines)
        return [text for text in texts if text][-TAIL_LINES:]

    def close(self) -> None:
        """Finish both files; may be called twice."""
        with self._lock:
            if not self._log.closed:
                self._end_line()
                self._log.close()
                self._raw.close()

    def _end_line(self) -> None:
        if self._partial:
            self._log.write(b"[%12.6f] " % self._started + self._clean(self._partial) + b"\n")
            self._partial = b""

    def _clean(self, line: bytes) -> bytes:
        line = line.strip(b"\r")
        if line.strip():
            self._tail.append(line)
        if line.isascii() and not _CONTROL.search(line):
            return line
        return printable(line).encode()
