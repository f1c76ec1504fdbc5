"""Records a board's output: every byte in console.raw, lines with times in console.log."""

from __future__ import annotations

import os
import re
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, BinaryIO

from .escapes import without_escapes

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MAX_CONSOLE_BYTES = 4 << 30  # four days of output at 115200 baud
DISK_CHECK_BYTES = 64 << 20  # between two checks of the free disk space
MIN_FREE_DISK_BYTES = 1 << 30  # checked from the first `DISK_CHECK_BYTES` on
MAX_LINE_BYTES = 4096  # in console.log; a longer line is continued
TAIL_LINES = 12
TAIL_LINE_BYTES = 200
TAIL_BYTES = 16384  # in which these lines are searched
# Control characters, except tab and newline.
_CONTROL = bytes({*range(32), 127} - {*b"\t\n"})
_UNUSUAL = re.compile(r"[^ -~\t\n]")
# The carriage returns around a newline.
_RETURNS = re.compile(rb"\r+(?=\n)|(?<=\n)\r+")


def printable(line: bytes) -> str:
    """Return a console line with control characters escaped."""
    return _visible(line).replace("\n", "\\n")


def _visible(lines: bytes) -> str:
    text = lines.decode("utf-8", "backslashreplace")
    return _UNUSUAL.sub(lambda match: _SHOWN[match[0]], text)


class _Shown(dict[str, str]):
    """The replacement for each unusual character, filled on demand."""

    def __missing__(self, character: str) -> str:
        if character.isprintable():
            shown = character
        elif ord(character) < 0x100:
            shown = f"\\x{ord(character):02x}"
        else:
            shown = character.encode("unicode_escape").decode("ascii")
        self[character] = shown
        return shown


_SHOWN = _Shown()


class Transcript:
    """Writes both files as the bytes arrive; thread-safe.

    It works on whole pieces of text, not on lines: fast output takes little more time than
    the writing itself.
    """

    def __init__(self, directory: Path, clock: Callable[[], float]) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._raw: BinaryIO = (directory / "console.raw").open("wb")
        self._log: BinaryIO = (directory / "console.log").open("wb")
        self._clock = clock
        self._written = 0  # bytes that the board has printed
        self._next_check = DISK_CHECK_BYTES  # of the sizes; -1: the limit is exceeded
        self._partial = b""
        self._started = 0.0  # when the first byte of the partial line arrived
        self._recent = bytearray()  # for the tail
        self._lock = threading.Lock()

    def feed(self, data: bytes) -> None:
        """Record output of the board."""
        with self._lock:
            self._remember(data)
            if self._limit_exceeded(len(data)):
                return
            self._raw.write(data)
            self._raw.flush()
            if lines := self._stamped(data):
                self._log.write(lines)
                self._log.flush()

    def _limit_exceeded(self, size: int) -> bool:
        """Add `size` to the total; return whether a limit is exceeded, which is noted once.

        A board that prints without end must not fill the disk.
        """
        self._written += size
        if self._written < self._next_check or self._next_check < 0:
            return self._next_check < 0
        self._next_check += DISK_CHECK_BYTES
        disk = os.fstatvfs(self._raw.fileno())
        if (
            self._written < MAX_CONSOLE_BYTES
            and disk.f_bavail * disk.f_frsize > MIN_FREE_DISK_BYTES
        ):
            return False
        self._next_check = -1
        self._end_line()
        reason = b"recording ends: %d MiB recorded, or the disk is almost full"
        note = _stamp(self._clock()) + b"-- " + reason % (self._written >> 20) + b" --\n"
        self._log.write(note)
        self._log.flush()
        return True

    def _stamped(self, data: bytes) -> bytes:
        """Return the lines that `data` completes, in the format of console.log."""
        now = self._clock()
        if not self._partial:
            self._started = now
        text = self._partial + data
        if len(text) > MAX_LINE_BYTES:
            text = _wrapped(text)
        end = text.rfind(b"\n") + 1
        self._partial = text[end:]
        if not end:
            return b""
        first, self._started = _stamp(self._started), now
        lines = _clean(text[:end])[:-1]
        return first + lines.replace(b"\n", b"\n" + _stamp(now)) + b"\n"

    def note(self, text: str) -> None:
        """Write a note of the dispatcher into console.log, for example "power on"."""
        # `feed` reports a full disk.
        with self._lock, suppress(OSError):
            if not self._log.closed:
                self._end_line()
                note = printable(text.encode()).encode()
                self._log.write(_stamp(self._clock()) + b"-- %s --\n" % note)
                self._log.flush()

    def tail(self) -> list[str]:
        """Return the last lines that are not blank, oldest first."""
        return self._last_lines()[-TAIL_LINES:]

    def tail_from(self, text: str) -> list[str]:
        """Return the lines from the last one that contains `text`; all if there is none."""
        lines = self._last_lines()
        here = [number for number, line in enumerate(lines) if text[:TAIL_LINE_BYTES] in line]
        return lines[here[-1] :] if here else lines

    def _last_lines(self) -> list[str]:
        with self._lock:
            lines = without_escapes(bytes(self._recent)).split(b"\n")
        return [printable(line[-TAIL_LINE_BYTES:].strip()) for line in lines if line.strip()]

    def close(self) -> None:
        """Finish both files; may be called twice."""
        with self._lock:
            if not self._log.closed:
                with suppress(OSError):
                    self._end_line()
                for file in (self._log, self._raw):
                    with suppress(OSError):
                        file.close()

    def _end_line(self) -> None:
        if self._partial:
            line = _clean(self._partial + b"\n")
            self._partial = b""
            self._log.write(_stamp(self._started) + line)

    def _remember(self, data: bytes) -> None:
        self._recent += data[-TAIL_BYTES:]
        if len(self._recent) > 2 * TAIL_BYTES:
            del self._recent[:-TAIL_BYTES]


def _stamp(seconds: float) -> bytes:
    return b"[%12.6f] " % seconds


def _wrapped(text: bytes) -> bytes:
    """Return `text` with longer lines split into pieces of `MAX_LINE_BYTES`."""
    step = MAX_LINE_BYTES // 2
    if all(text.find(b"\n", at, at + step) >= 0 for at in range(0, len(text) - step, step)):
        return text  # a newline in each half: no line is too long
    return b"\n".join(
        line[at : at + MAX_LINE_BYTES]
        for line in text.split(b"\n")
        for at in range(0, len(line) or 1, MAX_LINE_BYTES)
    )


def _clean(lines: bytes) -> bytes:
    """Return whole lines without carriage returns at their ends, control characters escaped."""
    plain = lines.translate(None, _CONTROL)
    if len(plain) + lines.count(b"\r\n") == len(lines) and lines.isascii():
        return plain  # only the ends of lines were removed
    lines = lines.replace(b"\r\n", b"\n")
    if b"\r" in lines:
        lines = _RETURNS.sub(b"", lines).lstrip(b"\r")
    return _visible(lines).encode()
