"""Runs a definition's expression in a process of its own, for a bounded time.

Python's expressions can take exponential time, and nothing else of the process
runs meanwhile; this one comes from a repository. So it runs where it can be ended.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from typing import TYPE_CHECKING

from ..ready import readable
from .patterns import text_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from .patterns import Pattern
    from .signals import Case

    Groups = dict[str, str | None] | None

#: Seconds that lines which came together may take, and one of them by itself after that.
LIMIT = 2.0
MAX_SLOW = 3  # lines that may take too long
START_LIMIT = 30.0  # seconds for the process to begin
MEMORY = 512 << 20  # bytes of address space

# What the process runs: a line of JSON for each request, the same for each reply.
_PROGRAM = """
import json, re, resource, sys
resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[1]),) * 2)
expression = re.compile(json.loads(sys.argv[2]))
print(flush=True)
for request in sys.stdin:
    found = []
    for line in json.loads(request):
        match = expression.search(line)
        found.append(None if match is None else match.groupdict())
    print(json.dumps(found), flush=True)
"""


class TooSlow(Exception):
    """The expression takes too long, or too much memory."""


class Finder:
    """Finds results in a definition's output; close it. `warn` is told what it gives up."""

    def __init__(
        self, pattern: Pattern, warn: Callable[[str], None], limit: float = LIMIT
    ) -> None:
        self._pattern = pattern
        self._warn = warn
        self._matcher = Matcher(pattern.expression.pattern, limit)
        self._slow = 0

    def find(self, lines: Sequence[bytes]) -> Iterator[Case]:
        """Yield the results in lines of output, in order."""
        for groups in self._search([text_of(line) for line in lines]):
            case = self._pattern.case(groups) if groups is not None else None
            if case is not None:
                yield case

    def _search(self, texts: Sequence[str]) -> Iterator[Groups]:
        if self._slow >= MAX_SLOW:
            return
        try:
            yield from self._matcher.search(texts)
        except TooSlow as error:
            if len(texts) > 1:  # which is it?
                for text in texts:
                    yield from self._search([text])
                return
            self._slow += 1
            last = "; no more is looked for" if self._slow >= MAX_SLOW else ""
            self._warn(f"the parse pattern {error} on one line{last}: {texts[0]!r}")

    def close(self) -> None:
        """End its process, if it runs."""
        self._matcher.close()


class Matcher:
    """One expression's process; it begins with the first search. Close it."""

    def __init__(self, expression: str, limit: float = LIMIT) -> None:
        self._expression = expression
        self._limit = limit
        self._process: subprocess.Popen[bytes] | None = None

    def search(self, lines: Sequence[str]) -> list[Groups]:
        """Return the groups of the match in each line; None where there is none.

        Raise `TooSlow` if that is not done in time; the process is then gone.
        """
        try:
            process = self._process or self._start()
            assert process.stdin is not None
            process.stdin.write(json.dumps(list(lines)).encode() + b"\n")
            process.stdin.flush()
            found: list[Groups] = json.loads(self._reply(self._limit))
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
                str(MEMORY),
                json.dumps(self._expression),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self._reply(START_LIMIT)
        return self._process

    def _reply(self, seconds: float) -> bytes:
        assert self._process is not None
        assert self._process.stdout is not None
        if not readable([self._process.stdout.fileno()], seconds):
            self.close()
            raise TooSlow(f"takes longer than {seconds:g} s")
        reply: bytes = self._process.stdout.readline()
        return reply
