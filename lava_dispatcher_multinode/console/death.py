"""Death strings: what a board prints when nothing it says afterwards counts."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .transcript import printable

if TYPE_CHECKING:
    from collections.abc import Iterable

# At the start of a line, or anywhere after a kernel's time stamp: a panic may
# come in the middle of a prompt's line, but a test that greps a log for
# "Kernel panic" must not end the run.
_STAMP = rb"\[ *\d+\.\d{6}\] ?(?:\[[^\]\r\n]{1,20}\] ?)?"
_BEFORE = rb"(?:(?:^|[\r\n])[ \t]*(?:<\d>)?(?:" + _STAMP + rb")?|" + _STAMP + rb")"

#: Wherever Linux runs.
KERNEL = (
    r"Kernel panic - not syncing",
    r"Internal error: Oops",
    r"Unable to handle kernel ",
)
#: After the shell is up, the boot loader's banner means that the board was reset.
RESET = (
    r"U-Boot SPL \d{4}\.\d\d",
    r"U-Boot \d{4}\.\d\d",
    r"Texas Instruments X-Loader ",
)
LONGEST = 512  # bytes of one line that are looked at


class DeathWatch:
    """Looks for any of some line patterns in a stream, in time linear in its length."""

    def __init__(self, patterns: Iterable[str]) -> None:
        alternatives = "|".join(f"(?:{pattern})" for pattern in patterns)
        self._pattern = re.compile(
            _BEFORE + rb"((?:" + alternatives.encode() + rb")[^\r\n]*)([\r\n]?)"
        )
        self._carry = b"\n"  # the end of what was searched: the line that may go on
        self.unfinished = ""  # a deadly line whose end has not come yet

    def feed(self, data: bytes) -> str | None:
        """Return the first deadly line of the stream when it is whole.

        Slow lines bring it in pieces, and its end is the reason; `unfinished`
        is what there is so far.
        """
        window = self._carry + data
        match = self._pattern.search(window)
        if match is not None:
            line = printable(match.group(1)[:LONGEST].strip())
            if match.group(2) or len(match.group(1)) >= LONGEST:
                self._carry, self.unfinished = b"", ""
                return line
            self.unfinished = line
            self._carry = window[match.start() :]
            return None
        start = max(window.rfind(b"\n"), window.rfind(b"\r"), 0)
        self._carry = window[start : start + LONGEST]
        return None
