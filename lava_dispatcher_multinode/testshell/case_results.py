"""From signals to events: which definition, set and case is on, and what came of it.

Every result is recorded as soon as it is seen, so that a definition which is cut
off loses none.
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

#: Cases that have begun and have no result yet; more than that lose their start times.
MAX_STARTED = 1000
#: Results and definitions of one lava_test_shell: each costs some 2 kB of memory until the
#: run ends.
MAX_RESULTS = 100_000
#: Bytes of a text that a board makes up and that goes into an event.
MAX_TEXT_CHARS = 4096


class ResultLimit:
    """The room that there is for the results and definitions of one lava_test_shell."""

    def __init__(self) -> None:
        self._taken = 0

    def take(self, count: int = 1) -> bool:
        """Whether there is room for as many; `TestRaised` for the first that finds none."""
        before, self._taken = self._taken, self._taken + count
        if before <= MAX_RESULTS < self._taken:
            raise TestRaised(f"more than {MAX_RESULTS} results of one lava_test_shell")
        return self._taken <= MAX_RESULTS


class ResultRecorder:
    """Turns one node's signals into events."""

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
        self._room = ResultLimit()
        self.begun: set[str] = set()  # the definitions that have begun

    @property
    def definition(self) -> str | None:
        """The definition that has begun and not ended."""
        return self._definition

    @property
    def in_definition(self) -> bool:
        """Whether a definition has begun and not ended."""
        return self._definition is not None

    @property
    def fixups(self) -> Mapping[str, str]:
        """What the words for results mean that lava-test-case has from the definition now on."""
        return self._fixups.get(self._definition or "", {})

    @property
    def wants_output(self) -> bool:
        """Whether text around signals can hold results now."""
        return self._finder is not None

    def output(self, lines: Sequence[bytes], *, ends: bool = True) -> None:
        """Take lines without signals; the last goes on if not `ends`."""
        if self._finder is not None and lines:
            for case in self._finder.find(lines, ends=ends):
                self._expected.found(case.case)  # and no more: LAVA takes any from a pattern
                self.result(case)

    def signal(self, signal: Signal) -> None:
        """Take a signal; `TestError` if it asks for the end of the run."""
        match signal:
            case CaseResult(reference=None):
                judged, error = self._expected.judge(signal)
                self.result(judged, error=error)
            case CaseResult():
                self.result(signal)
            case StartCase(case):
                if len(self._started) < MAX_STARTED:
                    self._started[case] = self._clock()
            case StartRun(definition):
                self._begin(definition)
            case EndRun():
                self.finish()
            case StartSet(name):
                self._set = name
            case StopSet():
                self._set = None
            case RunFail(definition, code):
                self._broken(definition, "run", f"exit code {code} before its last step")
            case InstallFail(definition):
                self._broken(definition, "install", "an install step failed")
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

    def result(self, case: CaseResult, definition: str | None = None, error: str = "") -> None:
        """Record a result; `TestRaised` where a test prints them without end.

        It is the running definition's unless another one is named. `error` is why it failed,
        where that is known.
        """
        if self._room.take():
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
        """Record a remark."""
        self._emit("log", node=self._node, level=level, text=text[:MAX_TEXT_CHARS])

    def finish(self) -> None:
        """Record the end of the definition that is on, if any, and what it has not reported."""
        if self._definition is not None:
            self._miss(self._definition, self._expected)
            self._emit("definition_finished", node=self._node, definition=self._definition)
        if self._finder is not None:
            self._finder.close()
        self._definition = self._finder = self._set = None
        self._expected = Expected()
        self._started.clear()

    def miss(self) -> None:
        """Record what the definitions that have not begun were to report."""
        for definition, cases in self._expected_of.items():
            if definition not in self.begun:
                self._miss(definition, Expected(cases))

    def _miss(self, definition: str, expected: Expected) -> None:
        for case in expected.missing():
            self._record(CaseResult(case, "fail"), definition, MISSING)

    def _begin(self, definition: str) -> None:
        self.finish()
        expected = self._expected_of.get(definition, ())
        if not self._room.take(1 + len(expected)):
            return
        self._expected = Expected(expected)
        self._definition = definition
        self.begun.add(definition)
        pattern = self._patterns.get(definition)
        if pattern is not None:
            self._finder = Finder(pattern, lambda text: self.log("WARNING", text))
        self._emit("definition_started", node=self._node, definition=definition)

    def _broken(self, definition: str | None, stage: str, text: str) -> None:
        """Record a failure that no test case of the definition shows."""
        if definition is not None and definition != self._definition:
            self._begin(definition)
        self.log("ERROR", f"{definition or 'a definition'}: {text}")
        self.result(CaseResult(f"lava-test-shell-{stage}", "fail"), error=text)
        if definition is not None:
            self.finish()
