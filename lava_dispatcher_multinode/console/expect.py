"""pexpect over a console: bounded windows, one deadline a wait, errors that name the step."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any

import pexpect
from pexpect.spawnbase import SpawnBase

from ..errors import BootError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..deadline import Deadline
    from .board_console import Console

# The stubs make it generic; the class itself is not.
if TYPE_CHECKING:
    _SpawnBase = SpawnBase[bytes]
else:
    _SpawnBase = SpawnBase

WINDOW_BYTES = 8192  # bytes in which one match must lie; pexpect's default is quadratic
PIECE_BYTES = (
    WINDOW_BYTES // 2
)  # pexpect looks for nothing before the last WINDOW bytes of a piece
MAX_BEFORE_BYTES = (
    1 << 20
)  # bytes of the text before a match that are kept, at least the last of them
_BYTE = re.compile(r"\\x[0-9a-f]{2}")  # as the transcript shows it


class _ConsoleSpawn(_SpawnBase):
    """What pexpect reads from: the console's buffer, never a child of its own."""

    _before: Any  # the stubs do not know its type

    def __init__(self, console: Console) -> None:
        super().__init__(timeout=None, maxread=WINDOW_BYTES, searchwindowsize=WINDOW_BYTES)
        self.delayafterread = None
        self._console = console
        self._waiting = memoryview(b"")  # read from the console, not yet handed over

    def read_nonblocking(self, size: int = 1, timeout: float | None = None) -> bytes:
        """Return a piece of what has come."""
        del size
        if not self._waiting:
            self._waiting = memoryview(self._console.read(timeout or 0.0))
        if not self._waiting:
            raise pexpect.TIMEOUT("")
        self._forget_the_oldest()
        piece = bytes(self._waiting[:PIECE_BYTES])
        self._waiting = self._waiting[PIECE_BYTES:]
        return piece

    def _forget_the_oldest(self) -> None:
        """Keep pexpect from gathering all that comes until something matches."""
        if self._before.tell() > 2 * MAX_BEFORE_BYTES:
            kept = self._before.getvalue()[-MAX_BEFORE_BYTES:]
            self._before = BytesIO()
            self._before.write(kept)


@dataclass(frozen=True)
class Found:
    """Which of the patterns came, the text before it, and its groups."""

    index: int
    before: bytes
    match: re.Match[bytes]


class Dialogue:
    """Waits for patterns on a console; the text after a match is kept for the next wait."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._spawn = _ConsoleSpawn(console)

    def expect(self, patterns: Sequence[bytes], *, timeout: float | Deadline, step: str) -> Found:
        """Wait for the first of `patterns` (regular expressions).

        Raise `BootError` with the step, the limit and the console's last lines
        after `timeout`, which is in seconds unless it is a deadline.
        """
        seconds = timeout if isinstance(timeout, int | float) else timeout.left
        found = self.expect_or_none(patterns, timeout=seconds)
        if found is None:
            limit = f"{timeout:.0f} s" if isinstance(timeout, int | float) else str(timeout)
            raise BootError(self.explain(f"{step}: nothing like it within {limit}"))
        return found

    def expect_or_none(self, patterns: Sequence[bytes], *, timeout: float) -> Found | None:
        """Wait for the first of `patterns`; None after `timeout` seconds."""
        deadline = time.monotonic() + timeout
        compiled: list[Any] = [re.compile(pattern) for pattern in patterns]
        while True:
            left = deadline - time.monotonic()
            try:
                index = self._spawn.expect_list(compiled, timeout=max(left, 0.0))
            except pexpect.TIMEOUT:
                if time.monotonic() >= deadline:
                    return None
                continue  # woken early
            match = self._spawn.match
            assert isinstance(match, re.Match)
            return Found(index, self._spawn.before or b"", match)

    def send(self, data: bytes) -> None:
        """Type `data` at the board."""
        self.console.write(data)

    def forget(self) -> None:
        """Drop all that has come so far."""
        self.console.forget()
        self._spawn = _ConsoleSpawn(self.console)

    def explain(self, text: str) -> str:
        """Return `text` with the console's last lines under it."""
        tail = self.console.tail()
        if not tail:
            return f"{text}; the console has printed nothing: is it the right port and speed?"
        if _garbled("".join(tail)):
            text += "; what the console prints is hardly text: is its speed right (baud)?"
        return "\n    ".join([text, "last lines of the console:", *tail])


def _garbled(text: str) -> bool:
    """Whether most of `text` stands for bytes that are no characters."""
    return 2 * sum(map(len, _BYTE.findall(text))) > len(text)
