"""Turns signals into events: definitions, sets, cases and their results.

Each result is recorded at once, so that an interrupted definition loses none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import TestRaised
from ..multinode.api import commands
from .expected import MISSING, Expected
from .matcher import Finder
from .signals import (
    CaseResult,
    EndCase,
    EndRun,
    Info,
    InstallFail,
    LegacyCall,
    Raise,
    RunFail,
    StartCase,
    StartRun,
    StartSet,
    StopSet,
    Unknown,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ..emit import Emit
    from .matcher import Pattern
    from .signals import Signal

#: Cases that have started and have no result yet; further ones lose their start times.
MAX_STARTED = 1000
#: Results and definitions of one lava_test_shell. Each takes some 2 kB of memory until the run
#: ends.
MAX_RESULTS = 100_000
#: Of a text from a board in an event.
MAX_TEXT_CHARS = 4096


class ResultLimit:
    """Limits the results and definitions of one lava_test_shell to `MAX_RESULTS`."""

    def __init__(self) -> None:
        self._used = 0

    def reserve(self, count: int = 1) -> bool:
        """Count `count` more; return whether they are within the limit.

        Raises `TestRaised` for the first that is not.
        """
        before, self._used = self._used, self._used + count
        if before <= MAX_RESULTS < self._used:
            raise TestRaised(f"more than {MAX_RESULTS} results of one lava_test_shell")
        return self._used <= MAX_RESULTS


class ResultRecorder:
    """Turns the signals of one node into events."""

    def __init__(
        self,
        node: str,
        emit: Emit,
        clock: Callable[[], float],
        patterns: Mapping[str, Pattern] | None = None,
        fixups: Mapping[str, Mapping[str, str]] | None = None,
        expected: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        self._node = node
        self._emit = emit
        self._clock = clock
        self._patterns = patterns or {}
        self._fixups = fixups or {}
        self._expected_of = expected or {}
        self._expected = Expected()
        self._definition: str | None = None
        self._finder: Finder | None = None
        self._set: str | None = None
        self._started: dict[str, float] = {}
        self._limit = ResultLimit()
        self.begun: set[str] = set()  # definitions

    @property
    def definition(self) -> str | None:
        """The running definition."""
        return self._definition

    @property
    def in_definition(self) -> bool:
        """True if a definition is running."""
        return self._definition is not None

    @property
    def fixups(self) -> Mapping[str, str]:
        """The running definition's words for results, mapped to LAVA's."""
        return self._fixups.get(self._definition or "", {})

    @property
    def wants_output(self) -> bool:
        """True if results are searched for in the output."""
        return self._finder is not None

    def search_output(self, lines: Sequence[bytes], *, ends: bool = True) -> None:
        """Search lines without signals; unless `ends`, the last one is continued by the next."""
        if self._finder is not None and lines:
            for case in self._finder.find(lines, ends=ends):
                self._expected.found(case.case)  # unexpected ones count too, as in LAVA
                self.record_result(case)

    def record_signal(self, signal: Signal) -> None:
        """Record a signal; `TestError` if it ends the run."""
        match signal:
            case CaseResult(reference=None):
                judged, error = self._expected.judge(signal)
                self.record_result(judged, error=error)
            case CaseResult():
                self.record_result(signal)
            case StartCase(case):
                if len(self._started) < MAX_STARTED:
                    self._started[case] = self._clock()
            case StartRun(definition):
                self._start(definition)
            case EndRun():
                self.finish()
            case StartSet(name):
                self._set = name
            case StopSet():
                self._set = None
            case RunFail(definition, code):
                self._record_broken(definition, "run", f"exit code {code} before its last step")
            case InstallFail(definition):
                self._record_broken(definition, "install", "an install step failed")
            case Raise(message):
                raise TestRaised(f"lava-test-raise: {message[:MAX_TEXT_CHARS]}")
            case Info(kind, text):
                self.log("INFO", f"test {kind}: {text}")
            case LegacyCall(text, None):
                self.log(
                    "WARNING",
                    f"cannot answer '{text}': only lava-send works by itself; "
                    f"use the {', '.join(commands(waiting=True))} on the board's PATH",
                )
            case Unknown(text):
                self.log("WARNING", f"not understood: {text}")
            case EndCase() | _:
                pass

    def record_result(
        self, case: CaseResult, definition: str | None = None, error: str = ""
    ) -> None:
        """Record a result of `definition`, by default the running one.

        `error` is why it failed, if known. Raises `TestRaised` at the limit of results.
        """
        if self._limit.reserve():
            self._record(case, definition or self._definition, error)

    def _record(self, case: CaseResult, definition: str | None, error: str = "") -> None:
        fields: dict[str, object] = {"reference": case.reference} if case.reference else {}
        if error:
            fields["error"] = error
        self._emit(
            "test_case",
            node=self._node,
            definition=definition,
            case=case.case,
            result=case.result,
            measurement=case.measurement,
            units=case.units,
            set=self._set,
            start=self._started.pop(case.case, None),
            end=self._clock(),
            **fields,
        )

    def log(self, level: str, text: str) -> None:
        """Record a log message."""
        self._emit("log", node=self._node, level=level, text=text[:MAX_TEXT_CHARS])

    def finish(self) -> None:
        """Record the end of the running definition, and the expected cases that are missing."""
        if self._definition is not None:
            self._record_missing(self._definition, self._expected)
            self._emit("definition_finished", node=self._node, definition=self._definition)
        if self._finder is not None:
            self._finder.close()
        self._definition = self._finder = self._set = None
        self._expected = Expected()
        self._started.clear()

    def record_missing(self) -> None:
        """Record the expected cases of the definitions that have not begun as missing."""
        for definition, cases in self._expected_of.items():
            if definition not in self.begun:
                self._record_missing(definition, Expected(cases))

    def _record_missing(self, definition: str, expected: Expected) -> None:
        for case in expected.missing():
            self._record(CaseResult(case, "fail"), definition, MISSING)

    def _start(self, definition: str) -> None:
        self.finish()
        expected = self._expected_of.get(definition, ())
        if not self._limit.reserve(1 + len(expected)):
            return
        self._expected = Expected(expected)
        self._definition = definition
        self.begun.add(definition)
        pattern = self._patterns.get(definition)
        if pattern is not None:
            self._finder = Finder(pattern, lambda text: self.log("WARNING", text))
        self._emit("definition_started", node=self._node, definition=definition)

    def _record_broken(self, definition: str | None, stage: str, text: str) -> None:
        """Record a failure that no test case of the definition shows."""
        if definition is not None and definition != self._definition:
            self._start(definition)
        self.log("ERROR", f"{definition or 'a definition'}: {text}")
        self.record_result(CaseResult(f"lava-test-shell-{stage}", "fail"), error=text)
        if definition is not None:
            self.finish()
