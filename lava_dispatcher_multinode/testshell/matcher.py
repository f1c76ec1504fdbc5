"""Runs a definition's expression in a process of its own, for a bounded time.

Python's expressions can take exponential time, and nothing else of the process
runs meanwhile; this one comes from a repository. So it runs where it can be ended.
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
from .windows import CARRIED, SMALL_WINDOW_CHARS, Window, Windows, cut

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    Groups = dict[str, str | None]
    Found = tuple[list[Groups], int]  # and where the search goes on in the next window

#: Seconds that lines which came together may take, and one of them by itself after that.
SEARCH_TIMEOUT_S = 2.0
LARGE_WINDOW_SHARE = 0.25  # of that, for a large window
MAX_SLOW_LINES = 3  # lines that may take too long
START_TIMEOUT_S = 30.0  # seconds for the process to begin
MAX_MEMORY_BYTES = 512 << 20  # bytes of address space
MAX_FOUND_CHARS = 4 << 20  # characters of what it finds in lines that came together

# What the process runs: a line of JSON for each request, the same for each reply. A match
# that touches the end of a window before the line's end may be another one with more
# text: the next window tells, or, where the match begins before that, a shorter text.
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
    """Finds results in a definition's output; close it. `warn` is told what it gives up."""

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
        """Yield the results in lines of output, in order; the last goes on if not `ends`."""
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
            if len(windows) > 1:  # which is it?
                for window in windows:
                    yield from self._search(list(cut(window, self._windows.size)))
            elif large:
                self._narrow(error)
                yield from self._search(list(cut(windows[0], SMALL_WINDOW_CHARS)))
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
    """One expression's process; it begins with the first search. Close it."""

    def __init__(self, expression: str, limit: float = SEARCH_TIMEOUT_S) -> None:
        self._expression = expression
        self._limit = limit
        self._process: subprocess.Popen[bytes] | None = None

    def search(self, windows: Sequence[Window], share: float = 1.0) -> list[Found]:
        """Return the groups of each match in each window.

        Raise `TooSlow` if that is not done in its share of the time; the process is then gone.
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
            with contextlib.suppress(OSError):  # what it had not read
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
    """Finds results in lines; `fixups` turns a test's own words into LAVA's."""

    expression: re.Pattern[str]
    fixups: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def compile(cls, text: str, fixups: Mapping[str, str] | None = None) -> Self:
        """Return a pattern; ValueError, with a sentence, if `text` cannot be one."""
        try:
            with warnings.catch_warnings(action="ignore"):  # as when it was read
                expression = re.compile(text)
        except (re.error, RecursionError, OverflowError) as error:
            raise ValueError(f"not a regular expression: {error}") from None
        if "test_case_id" not in expression.groupindex:
            raise ValueError("the expression needs a group (?P<test_case_id>...)")
        if "result" not in expression.groupindex and "measurement" not in expression.groupindex:
            raise ValueError("the expression needs a group (?P<result>...)")
        return cls(expression, dict(fixups or {}))

    def case(self, groups: Mapping[str, str | None]) -> CaseResult | None:
        """Return the result that a match's groups are, if any."""
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
