"""Finds results in output by a definition's `parse` pattern, in bounded time.

A regular expression of Python can take exponential time and blocks its process, and the
pattern comes from a repository. So it runs in a process of its own, which can be ended.
"""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import sys
import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from ..polling import wait_readable
from .signals import CaseResult, measurement, result_of
from .windows import CARRIED, SMALL_WINDOW_CHARS, Window, Windows, split_window

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    Groups = dict[str, str | None]
    Found = tuple[list[Groups], int]  # and where the search continues in the next window

#: For all lines that arrived together; if they take longer, for each of them.
SEARCH_TIMEOUT_S = 2.0
LARGE_WINDOW_SHARE = 0.25  # of this time, for a large window
MAX_SLOW_LINES = 3  # then the search ends
START_TIMEOUT_S = 30.0  # of the process
MAX_MEMORY_BYTES = 512 << 20  # of address space
MAX_FOUND_CHARS = 4 << 20  # of the matches in lines that arrived together

# The program of the process: one line of JSON per request and per reply. A match that touches
# the end of a window before the line's end may differ with more text. The next window decides,
# or, if the match begins before that window, a shorter text.
_PROGRAM = """
import json, re, resource, sys
resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[1]),) * 2)
most = int(sys.argv[3])
expression = re.compile(json.loads(sys.argv[2]))
print(flush=True)
for request in sys.stdin:
    replies, carried, size = [], 1, 0
    for text, begin, shift, ends in json.loads(request):
        found, position = [], carried if begin < 0 else begin
        while position <= len(text) and (match := expression.search(text, position)):
            start, end = match.span()
            if end == len(text) and not ends:
                if start > shift:
                    break
                short = expression.match(text, start, end - 1)
                if short is None or short.groupdict() != match.groupdict():
                    break
            found.append(match.groupdict())
            size += sum(map(len, filter(None, match.groups())))
            if size > most:
                sys.exit()
            position = end if end > start else len(text) + 1
        carried = max(position - shift, 1)
        replies.append((found, carried))
    print(json.dumps(replies), flush=True)
"""


class TooSlow(Exception):
    """The expression takes too long, or too much memory."""


class Finder:
    """Finds results in a definition's output; close it. It reports what it skips to `warn`."""

    def __init__(
        self, pattern: Pattern, warn: Callable[[str], None], limit: float = SEARCH_TIMEOUT_S
    ) -> None:
        self._pattern = pattern
        self._warn = warn
        self._matcher = Matcher(pattern.expression.pattern, limit)
        self._slow = 0
        self._windows = Windows()
        self._carried = 1

    def find(self, lines: Sequence[bytes], *, ends: bool = True) -> Iterator[CaseResult]:
        """Yield the results in lines, in order; unless `ends`, the last line is continued."""
        for groups in self._search(self._windows.feed(lines, ends=ends)):
            case = self._pattern.case(groups)
            if case is not None:
                yield case

    def _search(self, windows: Sequence[Window]) -> Iterator[Groups]:
        if not windows or self._slow >= MAX_SLOW_LINES:
            return
        large = len(windows) == 1 and len(windows[0].text) > SMALL_WINDOW_CHARS + 1
        if windows[0].begin == CARRIED:
            windows = [windows[0]._replace(begin=self._carried), *windows[1:]]
        try:
            replies = self._matcher.search(windows, LARGE_WINDOW_SHARE if large else 1.0)
        except TooSlow as error:
            if len(windows) > 1:  # search each by itself
                for window in windows:
                    yield from self._search(list(split_window(window, self._windows.size)))
            elif large:
                self._narrow(error)
                yield from self._search(list(split_window(windows[0], SMALL_WINDOW_CHARS)))
            else:
                self._carried = 1
                self._give_up(error, windows[0].text)
            return
        self._carried = replies[-1][1]
        for found, _ in replies:
            yield from found

    def _narrow(self, error: TooSlow) -> None:
        if self._windows.size != SMALL_WINDOW_CHARS:
            self._windows.size = SMALL_WINDOW_CHARS
            self._warn(
                f"the parse pattern {error} on a long line; from here on, it finds results of at "
                f"most {SMALL_WINDOW_CHARS // 2} characters in lines of more than "
                f"{SMALL_WINDOW_CHARS}"
            )

    def _give_up(self, error: TooSlow, text: str) -> None:
        self._slow += 1
        last = "; no more is looked for" if self._slow >= MAX_SLOW_LINES else ""
        self._warn(f"the parse pattern {error} on one line{last}: {text!r}")

    def close(self) -> None:
        """End its process, if it runs."""
        self._matcher.close()


class Matcher:
    """The process of one expression, started by the first search. Close it."""

    def __init__(self, expression: str, limit: float = SEARCH_TIMEOUT_S) -> None:
        self._expression = expression
        self._limit = limit
        self._process: subprocess.Popen[bytes] | None = None

    def search(self, windows: Sequence[Window], share: float = 1.0) -> list[Found]:
        """Return the groups of each match in each window.

        Raises `TooSlow` after `share` of the time limit; the process has then ended.
        """
        try:
            process = self._process or self._start()
            assert process.stdin is not None
            process.stdin.write(json.dumps(list(windows)).encode() + b"\n")
            process.stdin.flush()
            found: list[Found] = json.loads(self._reply(self._limit * share))
        except (OSError, ValueError):
            self.close()
            raise TooSlow("takes too much memory") from None
        return found

    def close(self) -> None:
        """End the process, if it runs."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            with contextlib.suppress(OSError):  # unread input
                process.communicate()

    def _start(self) -> subprocess.Popen[bytes]:
        self._process = subprocess.Popen(
            [
                sys.executable,
                "-I",
                "-S",
                "-c",
                _PROGRAM,
                str(MAX_MEMORY_BYTES),
                json.dumps(self._expression),
                str(MAX_FOUND_CHARS),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self._reply(START_TIMEOUT_S)
        return self._process

    def _reply(self, seconds: float) -> bytes:
        assert self._process is not None
        assert self._process.stdout is not None
        if not wait_readable([self._process.stdout.fileno()], seconds):
            self.close()
            raise TooSlow(f"takes longer than {seconds:g} s")
        reply: bytes = self._process.stdout.readline()
        return reply


@dataclass(frozen=True)
class Pattern:
    """A `parse` pattern; `fixups` map a test's own words for results to LAVA's."""

    expression: re.Pattern[str]
    fixups: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def compile(cls, text: str, fixups: Mapping[str, str] | None = None) -> Self:
        """Return a pattern; ValueError with an explanation if `text` is not a valid one."""
        try:
            with warnings.catch_warnings(action="ignore"):  # as when the definition was read
                expression = re.compile(text)
        except (re.error, RecursionError, OverflowError) as error:
            raise ValueError(f"not a regular expression: {error}") from None
        if "test_case_id" not in expression.groupindex:
            raise ValueError("the expression needs a group (?P<test_case_id>...)")
        if "result" not in expression.groupindex and "measurement" not in expression.groupindex:
            raise ValueError("the expression needs a group (?P<result>...)")
        return cls(expression, dict(fixups or {}))

    def case(self, groups: Mapping[str, str | None]) -> CaseResult | None:
        """Return the result in the groups of a match, or None."""
        case = (groups["test_case_id"] or "").strip()
        if not case:
            return None
        # As in LAVA: a measurement without a result is a pass.
        word = (groups.get("result") or ("pass" if groups.get("measurement") else "")).strip()
        return CaseResult(
            case,
            result_of(word, self.fixups) or "unknown",
            measurement(groups.get("measurement")),
            groups.get("units"),
        )
