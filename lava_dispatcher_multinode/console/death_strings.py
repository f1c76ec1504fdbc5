"""Detects death strings: console lines that show a crash, a reset or a shutdown of a board."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .transcript import printable

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_LINE_BYTES = 512  # the rest of a line is ignored

# At the start of a line, or anywhere after a kernel's time stamp: a panic may interrupt the
# line of a prompt, but a test that greps a log for "Kernel panic" must not end the run. The
# group is the rest of the line.
_STAMP = rb"\[ *\d+\.\d{6}\] ?(?:\[[^\]\r\n]{1,20}\] ?)?"
_CANDIDATE = re.compile(
    rb"(?:[\r\n]+(?:<\d>)?(?:"
    + _STAMP
    + rb")?|"
    + _STAMP
    + rb")(?=([^\r\n]{0,%d}))" % MAX_LINE_BYTES
)

#: Of any Linux.
KERNEL = (
    r"Kernel panic - not syncing",
    r"Internal error: .*\[#\d+\]",  # not the message of a program
    r"Unable to handle kernel ",
    r"BUG: unable to handle ",
    r"kernel BUG at ",
    r"(?:NMI )?watchdog: BUG: soft lockup",
    r"BUG: soft lockup",
    r"(?:NMI )?watchdog: Watchdog detected hard LOCKUP",
    r"Watchdog detected hard LOCKUP",
)
#: A board that shuts down during tests prints nothing after this line.
DOWN = (r"(?:reboot: )?Power down", r"(?:reboot: )?System halted")
_OPTIONAL_START = re.compile(r"\A\(\?:[^\\()\[\]]*\)\?")  # (?:reboot: )?
_PLAIN = re.compile(r"[^\\.^$*+?{}\[\]|()]*")


def literal_start(pattern: str) -> bytes:
    """Return a literal text that every match of the regular expression `pattern` contains.

    It is the start of the match, or follows one optional part. b"" if it cannot be found
    without parsing the expression.
    """
    if "|" in pattern:
        return b""
    pattern = _OPTIONAL_START.sub("", pattern, count=1)
    plain = _PLAIN.match(pattern)
    assert plain is not None  # it may be empty
    optional = pattern.startswith(("*", "?", "{"), plain.end())
    return plain[0][: -1 if optional else None].encode()


class DeathWatch:
    """Searches a stream for lines that match one of some patterns, in linear time."""

    def __init__(self, patterns: Iterable[str]) -> None:
        texts = tuple(patterns)
        self._patterns = tuple(re.compile(text.encode()) for text in texts)
        # Text without any of these needs no search.
        literals = {literal_start(text) for text in texts}
        self._literals = [
            literal
            for literal in literals
            if not any(literal.startswith(other) for other in literals - {literal})
        ]
        self.restart()

    def restart(self) -> None:
        """Forget earlier output: a new line begins."""
        self._carry = b"\n"  # the end of the searched text: an incomplete line
        self.unfinished = ""  # a matching line that is still incomplete

    def feed(self, data: bytes) -> str | None:
        """Return the first matching line when it is complete.

        A slow line delivers it in pieces, and its end has the reason; until then
        `unfinished` has its beginning.
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
            if self._matches(line):
                text = printable(line.strip())
                if candidate.end(1) < len(window) or len(line) == MAX_LINE_BYTES:
                    self._carry = b"\n"
                    return text
                self.unfinished = text
                self._carry = window[candidate.start() :]
                return None
        self._keep(window)
        return None

    def _matches(self, line: bytes) -> bool:
        bare = line.lstrip(b" \t")
        for pattern in self._patterns:
            if pattern.match(bare) or (bare is not line and pattern.match(line)):
                return True
        return False

    def _keep(self, window: bytes) -> None:
        """Keep the incomplete line; of a long one its end, which a panic may follow."""
        start = max(window.rfind(b"\n"), window.rfind(b"\r"), len(window) - MAX_LINE_BYTES)
        self._carry = window[start:]
