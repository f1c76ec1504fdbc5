"""What the board printed: console.raw, every byte; console.log, with the time of each line."""

from __future__ import annotations

import os
import re
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MAX_CONSOLE_BYTES = 4 << 30  # bytes of one console: four days at 115200 baud, without a pause
DISK_CHECK_BYTES = 64 << 20  # bytes between two looks at the disk's room
MIN_FREE_DISK_BYTES = (
    1 << 30
)  # bytes of disk that are left to others, once a console has `DISK_CHECK_BYTES`
MAX_LINE_BYTES = 4096  # bytes of one line in console.log; a longer one is continued
TAIL_LINES = 12
TAIL_LINE_BYTES = 200  # bytes of one of them
TAIL_BYTES = 16384  # bytes in which they are looked for
# What a terminal would obey, but for the tab and the newline.
_CONTROL = bytes({*range(32), 127} - {*b"\t\n"})
_UNUSUAL = re.compile(r"[^ -~\t\n]")
# The carriage returns around a newline.
_RETURNS = re.compile(rb"\r+(?=\n)|(?<=\n)\r+")


def printable(line: bytes) -> str:
    """Return a console line for people: what a terminal would obey is made visible."""
    return _visible(line).replace("\n", "\\n")


def _visible(lines: bytes) -> str:
    text = lines.decode("utf-8", "backslashreplace")
    return _UNUSUAL.sub(lambda match: _SHOWN[match[0]], text)


class _Shown(dict[str, str]):
    """What stands for each unusual character; filled as they come."""

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
    """Writes both files as the bytes come; thread-safe.

    All work is done on whole pieces of text, not line by line: a board that
    prints as fast as it can costs little more than the writing.
    """

    def __init__(self, directory: Path, clock: Callable[[], float]) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._raw: BinaryIO = (directory / "console.raw").open("wb")
        self._log: BinaryIO = (directory / "console.log").open("wb")
        self._clock = clock
        self._written = 0  # bytes that the board has printed
        self._look = DISK_CHECK_BYTES  # at so many, sizes are looked at; -1: there is no room
        self._partial = b""
        self._started = 0.0  # when the partial line's first byte came
        self._recent = bytearray()  # for the tail
        self._lock = threading.Lock()

    def feed(self, data: bytes) -> None:
        """Record bytes of the board."""
        with self._lock:
            self._remember(data)
            if self._full(len(data)):
                return
            self._raw.write(data)
            self._raw.flush()
            if lines := self._stamped(data):
                self._log.write(lines)
                self._log.flush()

    def _full(self, size: int) -> bool:
        """Count `size` more bytes; whether they are not to be written, which is said once.

        A board that prints without end must not take the disk from the others.
        """
        self._written += size
        if self._written < self._look or self._look < 0:
            return self._look < 0
        self._look += DISK_CHECK_BYTES
        disk = os.fstatvfs(self._raw.fileno())
        if (
            self._written < MAX_CONSOLE_BYTES
            and disk.f_bavail * disk.f_frsize > MIN_FREE_DISK_BYTES
        ):
            return False
        self._look = -1
        self._end_line()
        reason = b"recorded no further: %d MiB are enough, or the disk is almost full"
        remark = _stamp(self._clock()) + b"-- " + reason % (self._written >> 20) + b" --\n"
        self._log.write(remark)
        self._log.flush()
        return True

    def _stamped(self, data: bytes) -> bytes:
        """Return the lines that `data` completes, as they stand in console.log."""
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
        """Write a remark of the dispatcher's into console.log: power on, power off."""
        # A full disk is told by `feed`, whose thread is there to fail.
        with self._lock, suppress(OSError):
            if not self._log.closed:
                self._end_line()
                remark = printable(text.encode()).encode()
                self._log.write(_stamp(self._clock()) + b"-- %s --\n" % remark)
                self._log.flush()

    def tail(self) -> list[str]:
        """Return the last lines that had something on them, oldest first."""
        return self._last_lines()[-TAIL_LINES:]

    def tail_from(self, text: str) -> list[str]:
        """Return the last line that has `text` in it and those after it; all if there is none."""
        lines = self._last_lines()
        here = [number for number, line in enumerate(lines) if text[:TAIL_LINE_BYTES] in line]
        return lines[here[-1] :] if here else lines

    def _last_lines(self) -> list[str]:
        with self._lock:
            lines = bytes(self._recent).split(b"\n")
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
    """Return `text` with the lines longer than `MAX_LINE_BYTES` broken into such pieces."""
    step = MAX_LINE_BYTES // 2
    if all(text.find(b"\n", at, at + step) >= 0 for at in range(0, len(text) - step, step)):
        return text  # a newline in each half: none is too long
    return b"\n".join(
        line[at : at + MAX_LINE_BYTES]
        for line in text.split(b"\n")
        for at in range(0, len(line) or 1, MAX_LINE_BYTES)
    )


def _clean(lines: bytes) -> bytes:
    """Return whole lines without carriage returns at their ends, all controls visible."""
    plain = lines.translate(None, _CONTROL)
    if len(plain) + lines.count(b"\r\n") == len(lines) and lines.isascii():
        return plain  # nothing was taken out but the ends of lines
    lines = lines.replace(b"\r\n", b"\n")
    if b"\r" in lines:
        lines = _RETURNS.sub(b"", lines).lstrip(b"\r")
    return _visible(lines).encode()
