"""Death strings: what a board prints when nothing it says afterwards counts."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .transcript import printable

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_LINE_BYTES = 512  # bytes of one line that are looked at

# At the start of a line, or anywhere after a kernel's time stamp: a panic may
# come in the middle of a prompt's line, but a test that greps a log for
# "Kernel panic" must not end the run. The group is the rest of the line.
_STAMP = rb"\[ *\d+\.\d{6}\] ?(?:\[[^\]\r\n]{1,20}\] ?)?"
_CANDIDATE = re.compile(
    rb"(?:[\r\n]+(?:<\d>)?(?:"
    + _STAMP
    + rb")?|"
    + _STAMP
    + rb")(?=([^\r\n]{0,%d}))" % MAX_LINE_BYTES
)

#: Wherever Linux runs.
KERNEL = (
    r"Kernel panic - not syncing",
    r"Internal error: .*\[#\d+\]",  # not what a program says of itself
    r"Unable to handle kernel ",
    r"BUG: unable to handle ",
    r"kernel BUG at ",
    r"(?:NMI )?watchdog: BUG: soft lockup",
    r"BUG: soft lockup",
    r"(?:NMI )?watchdog: Watchdog detected hard LOCKUP",
    r"Watchdog detected hard LOCKUP",
)
#: After the kernel has started, the boot loader's banner means that the board was reset.
RESET = (
    r"U-Boot SPL \d{4}\.\d\d",
    r"U-Boot \d{4}\.\d\d",
    r"Texas Instruments X-Loader ",
)
#: A board that goes down while tests run says no more, and has said why.
DOWN = (r"(?:reboot: )?Power down", r"(?:reboot: )?System halted")
_MISSING = re.compile(r"\A\(\?:[^\\()\[\]]*\)\?")  # (?:reboot: )?
_PLAIN = re.compile(r"[^\\.^$*+?{}\[\]|()]*")


def literal_start(pattern: str) -> bytes:
    """Return the text with which all that the regular expression `pattern` fits begins.

    Behind one part that may be missing, if it begins with such; b"" where that cannot be
    told without reading it in full.
    """
    if "|" in pattern:
        return b""
    pattern = _MISSING.sub("", pattern, count=1)
    plain = _PLAIN.match(pattern)
    assert plain is not None  # it may be empty
    optional = pattern.startswith(("*", "?", "{"), plain.end())
    return plain[0][: -1 if optional else None].encode()


class DeathWatch:
    """Looks for any of some line patterns in a stream, in time linear in its length."""

    def __init__(self, patterns: Iterable[str]) -> None:
        texts = tuple(patterns)
        self._patterns = tuple(re.compile(text.encode()) for text in texts)
        # Without any of these in it, text is passed over at the speed of memory.
        literals = {literal_start(text) for text in texts}
        self._literals = [
            literal
            for literal in literals
            if not any(literal.startswith(other) for other in literals - {literal})
        ]
        self.restart()

    def restart(self) -> None:
        """Forget what came before: a new line begins."""
        self._carry = b"\n"  # the end of what was searched: the line that may go on
        self.unfinished = ""  # a deadly line whose end has not come yet

    def feed(self, data: bytes) -> str | None:
        """Return the first deadly line of the stream when it is whole.

        Slow lines bring it in pieces, and its end is the reason; `unfinished`
        is what there is so far.
        """
        window = self._carry + data
        self.unfinished = ""
        for literal in self._literals:
            if literal in window:
                return self._search(window)
        self._keep(window)
        return None

    def _search(self, window: bytes) -> str | None:
        for candidate in _CANDIDATE.finditer(window):
            line = candidate[1]
            if self._deadly(line):
                text = printable(line.strip())
                if candidate.end(1) < len(window) or len(line) == MAX_LINE_BYTES:
                    self._carry = b"\n"
                    return text
                self.unfinished = text
                self._carry = window[candidate.start() :]
                return None
        self._keep(window)
        return None

    def _deadly(self, line: bytes) -> bool:
        bare = line.lstrip(b" \t")
        for pattern in self._patterns:
            if pattern.match(bare) or (bare is not line and pattern.match(line)):
                return True
        return False

    def _keep(self, window: bytes) -> None:
        """Keep the line that may go on; of a long one its end, where a panic may be next."""
        start = max(window.rfind(b"\n"), window.rfind(b"\r"), len(window) - MAX_LINE_BYTES)
        self._carry = window[start:]
