"""Death strings: what a board prints when nothing it says afterwards counts."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .transcript import printable

if TYPE_CHECKING:
    from collections.abc import Iterable

# With a kernel's time stamp before them or not, but at the start of a line: a
# test that greps a log for "Kernel panic" must not end the run.
_STAMP = r"(?:<\d>)?(?:\[ *\d+\.\d+\] ?(?:\[[^\]]{1,20}\] ?)?)?"

#: Wherever Linux runs.
KERNEL = (
    _STAMP + r"Kernel panic - not syncing",
    _STAMP + r"Internal error: Oops",
    _STAMP + r"Unable to handle kernel ",
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
            rb"(?:^|[\r\n])[ \t]*((?:" + alternatives.encode() + rb")[^\r\n]*)"
        )
        self._carry = b"\n"  # the end of what was searched: the line that may go on

    def feed(self, data: bytes) -> str | None:
        """Return the first deadly line in the stream once it is complete enough to name."""
        window = self._carry + data
        match = self._pattern.search(window)
        if match is not None:
            return printable(match.group(1)[:LONGEST].strip())
        start = max(window.rfind(b"\n"), window.rfind(b"\r"), 0)
        self._carry = window[start : start + LONGEST]
        return None
