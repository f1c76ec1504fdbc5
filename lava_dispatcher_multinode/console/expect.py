"""pexpect over a console: bounded windows, one deadline per wait, errors that name the step."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, replace
from io import BytesIO
from typing import TYPE_CHECKING, Any

import pexpect
from pexpect.spawnbase import SpawnBase

from ..errors import BootError
from .echo import ECHOES, is_echo
from .escapes import EscapeFilter

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..deadline import Deadline
    from .board_console import Console

# The stubs make it generic; the class itself is not.
if TYPE_CHECKING:
    _SpawnBase = SpawnBase[bytes]
else:
    _SpawnBase = SpawnBase

WINDOW_BYTES = 8192  # a match lies in it; pexpect's default takes quadratic time
PIECE_BYTES = WINDOW_BYTES // 2  # pexpect searches only the last window of a piece
MAX_BEFORE_BYTES = 1 << 20  # of the text before a match; its end is kept
MAX_TYPED_BYTES = 4096  # kept, to recognise an echo
_BYTE = re.compile(r"\\x[0-9a-f]{2}")  # as in the transcript


class _ConsoleSpawn(_SpawnBase):
    """Makes pexpect read from the console's buffer instead of a child process."""

    _before: Any  # the stubs do not know its type

    def __init__(self, console: Console) -> None:
        super().__init__(timeout=None, maxread=WINDOW_BYTES, searchwindowsize=WINDOW_BYTES)
        self.delayafterread = None
        self._console = console
        self._filter = EscapeFilter()
        self._waiting = memoryview(b"")  # read from the console, not yet passed on

    def read_nonblocking(self, size: int = 1, timeout: float | None = None) -> bytes:
        """Return a piece of the console's output, without escape sequences."""
        del size
        if not self._waiting:
            self._waiting = memoryview(self._filter.feed(self._console.read(timeout or 0.0)))
        if not self._waiting:
            raise pexpect.TIMEOUT("")
        self._limit_before()
        piece = bytes(self._waiting[:PIECE_BYTES])
        self._waiting = self._waiting[PIECE_BYTES:]
        return piece

    def _limit_before(self) -> None:
        """Limit the text that pexpect collects until a match."""
        if self._before.tell() > 2 * MAX_BEFORE_BYTES:
            kept = self._before.getvalue()[-MAX_BEFORE_BYTES:]
            self._before = BytesIO()
            self._before.write(kept)


@dataclass(frozen=True)
class Found:
    """The index of the pattern that matched, the text before it, and the match."""

    index: int
    before: bytes
    match: re.Match[bytes]

    def then(self, other: Found) -> Found:
        """Return `other`, with the text up to and including this match before it."""
        return replace(other, before=self.before + self.match.group() + other.before)


class Dialogue:
    """Waits for patterns on a console; the text after a match remains for the next wait."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._spawn = _ConsoleSpawn(console)
        self._typed = b""  # the last bytes
        #: Called at each wake-up of the console in a wait; it may raise.
        self.on_wake: Callable[[], None] = lambda: None

    def expect(self, patterns: Sequence[bytes], *, timeout: float | Deadline, step: str) -> Found:
        """Wait for the first match of `patterns` (regular expressions).

        `timeout` is in seconds, or a deadline. After it, raises `BootError` with the step, the
        limit and the console's last lines.
        """
        seconds = timeout if isinstance(timeout, int | float) else timeout.left
        found = self.expect_or_none(patterns, timeout=seconds)
        if found is None:
            limit = f"{timeout:.0f} s" if isinstance(timeout, int | float) else str(timeout)
            raise BootError(self.explain(f"{step}: no match within {limit}"))
        return found

    def expect_or_none(self, patterns: Sequence[bytes], *, timeout: float) -> Found | None:
        """Wait for the first match of `patterns`; None after `timeout` seconds."""
        deadline = time.monotonic() + timeout
        compiled: list[Any] = [re.compile(pattern) for pattern in patterns]
        while True:
            left = deadline - time.monotonic()
            try:
                index = self._spawn.expect_list(compiled, timeout=max(left, 0.0))
            except pexpect.TIMEOUT:
                if time.monotonic() >= deadline:
                    return None
                self.on_wake()
                continue
            match = self._spawn.match
            assert isinstance(match, re.Match)
            return Found(index, self._spawn.before or b"", match)

    def send(self, data: bytes) -> None:
        """Send `data` to the board."""
        self._typed = (self._typed + data)[-MAX_TYPED_BYTES:]
        self.console.write(data)

    def forget(self) -> None:
        """Drop all output so far."""
        self._typed = b""
        self.console.forget()
        self._spawn = _ConsoleSpawn(self.console)

    def explain(self, text: str) -> str:
        """Return `text` followed by the console's last lines."""
        tail = self.console.tail()
        if not tail:
            return f"{text}; the console has printed nothing: check its port and speed"
        if is_echo("".join(tail).encode(), self._typed):
            text += f"; {ECHOES}"
        if _garbled("".join(tail)):
            text += "; the console output is unreadable: check its speed (baud)"
        return "\n    ".join([text, "last lines of the console:", *tail])


def echo_pattern(data: bytes) -> bytes:
    """Return a pattern for the echo of `data`, which a narrow terminal breaks at any place."""
    return b"[\r\n]*".join(re.escape(data[at : at + 1]) for at in range(len(data)))


def _garbled(text: str) -> bool:
    """Return whether most of `text` are escaped bytes."""
    return 2 * sum(map(len, _BYTE.findall(text))) > len(text)
