"""The test cases that a definition has to report: no more and no fewer, as in LAVA."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .signals import CaseResult

MISSING = "the definition's 'expected' has it, and it was not reported"
UNEXPECTED = "the definition's 'expected' does not have it; its result was '{}'"


class Expected:
    """Compares the results of one definition with its expected cases; none: any are right."""

    def __init__(self, cases: Iterable[str] = ()) -> None:
        self._cases = frozenset(cases)
        self._missing = set(self._cases)

    def found(self, case: str) -> None:
        """Record that a case is reported."""
        self._missing.discard(case)

    def judge(self, case: CaseResult) -> tuple[CaseResult, str]:
        """Return the case with its final result, and why it fails: an unexpected one does."""
        self.found(case.case)
        if not self._cases or case.case in self._cases or case.result == "fail":
            return case, ""
        return replace(case, result="fail"), UNEXPECTED.format(case.result)

    def missing(self) -> list[str]:
        """Return the cases that are not reported yet."""
        return sorted(self._missing)
