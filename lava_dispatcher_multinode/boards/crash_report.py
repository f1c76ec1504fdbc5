"""The crash report of a board: its error with the console lines that explain it."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

from ..console.death_strings import DOWN
from ..errors import BoardDied, KernelCrashed, MultinodeError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..console.board_console import Console

REPORT_TIMEOUT_S = 3.0  # for the rest of the report
REPORT_SILENCE_S = 0.4  # without output, after which the report is complete
#: Lines of a report that an error shows, from its start and from its end.
FIRST_LINES, LAST_LINES = 8, 4
#: The first and the last lines of a kernel's report.
_PANIC = "Kernel panic - not syncing"
_END = re.compile(r"---\[ end Kernel panic|Rebooting in \d+ seconds")


def with_crash_report(
    console: Console,
    death: BoardDied,
    activity: str,
    classification: str,
    banners: Sequence[str],
) -> MultinodeError:
    """Return the error to raise for `death`, with the board's report.

    `activity` completes the message: "while tests ran". `classification` is the device
    file's `panic`: "infrastructure" gives `BoardDied`, "test" gives `KernelCrashed`.
    `banners` are the patterns of a reset.
    """
    line = str(death)
    lines = _report(console, line)
    head = f"{_summary(line, banners)} {activity}: {line}"
    panic = next((text for text in lines if _PANIC in text and "---[" not in text), "")
    if panic and _PANIC not in line:
        head += "; " + panic[panic.index(_PANIC) :]
    text = "\n    ".join([head, *_excerpt(lines)])
    return KernelCrashed(text) if classification == "test" else BoardDied(text)


def _summary(line: str, banners: Sequence[str]) -> str:
    for patterns, event in ((banners, "restarted"), (DOWN, "was shut down")):
        if any(re.match(pattern, line) for pattern in patterns):
            return f"the board {event}"
    return "the board died"


def _report(console: Console, line: str) -> list[str]:
    """Read the rest of the report, such as the trace; return all its lines."""
    over = time.monotonic() + REPORT_TIMEOUT_S
    try:
        console.watch(None)
        console.forget()
        while time.monotonic() < over and console.read(REPORT_SILENCE_S):
            if _END.search("\n".join(console.tail()[-2:])):
                break
    except MultinodeError:
        pass  # the console ended with the board
    lines = console.tail_from(line)
    end = next((n for n, text in enumerate(lines, 1) if "---[ end Kernel panic" in text), None)
    return lines[:end]


def _excerpt(lines: list[str]) -> list[str]:
    omitted = len(lines) - FIRST_LINES - LAST_LINES
    if omitted <= 1:
        return lines
    return [
        *lines[:FIRST_LINES],
        f"... ({omitted} lines more, in console.log) ...",
        *lines[-LAST_LINES:],
    ]
