"""A board that has died: what it was, told by the lines that matter."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

from ..console.death_strings import DOWN, RESET
from ..errors import BoardDied, KernelCrashed, MultinodeError

if TYPE_CHECKING:
    from ..console.board_console import Console

LISTEN = 3.0  # seconds that a dead board may go on printing its reason
QUIET = 0.4  # seconds of silence that end it sooner
#: Lines of a report that a message shows: what happened and where, and how it ended.
FIRST, LAST = 8, 4
#: The kernel's own last line of a report.
_PANIC = "Kernel panic - not syncing"
_END = re.compile(r"---\[ end Kernel panic|Rebooting in \d+ seconds")


def explained(console: Console, death: BoardDied, doing: str, blame: str) -> MultinodeError:
    """Return the error to raise for `death`: the board's report, and whose failure it is.

    `doing` says what went on, "while tests ran"; `blame` is the device file's
    `panic`: infrastructure or test.
    """
    line = str(death)
    lines = _report(console, line)
    head = f"{_what(line)} {doing}: {line}"
    panic = next((text for text in lines if _PANIC in text and "---[" not in text), "")
    if panic and _PANIC not in line:
        head += "; " + panic[panic.index(_PANIC) :]
    text = "\n    ".join([head, *_excerpt(lines)])
    return KernelCrashed(text) if blame == "test" else BoardDied(text)


def _what(line: str) -> str:
    for patterns, what in ((RESET, "restarted"), (DOWN, "was shut down")):
        if any(re.match(pattern, line) for pattern in patterns):
            return f"the board {what}"
    return "the board died"


def _report(console: Console, line: str) -> list[str]:
    """Let the board say all of it: the trace follows the first line. Return its lines."""
    over = time.monotonic() + LISTEN
    try:
        console.watch(None)
        console.forget()
        while time.monotonic() < over and console.read(QUIET):
            if _END.search("\n".join(console.tail()[-2:])):
                break
    except MultinodeError:
        pass  # the console went with the board
    lines = console.tail_from(line)
    end = next((n for n, text in enumerate(lines, 1) if "---[ end Kernel panic" in text), None)
    return lines[:end]


def _excerpt(lines: list[str]) -> list[str]:
    left_out = len(lines) - FIRST - LAST
    if left_out <= 1:
        return lines
    return [*lines[:FIRST], f"... ({left_out} lines more, in console.log) ...", *lines[-LAST:]]
