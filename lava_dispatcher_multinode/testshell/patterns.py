"""A definition's `parse`: results found in its output by a regular expression.

It is applied to single lines, of any length, by matcher.py.
"""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from .signals import Case, measurement, result_of

if TYPE_CHECKING:
    from collections.abc import Mapping


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

    def case(self, groups: Mapping[str, str | None]) -> Case | None:
        """Return the result that a match's groups are, if any."""
        case = (groups["test_case_id"] or "").strip()
        if not case:
            return None
        # As in LAVA: a measurement without a result is a pass.
        word = (groups.get("result") or ("pass" if groups.get("measurement") else "")).strip()
        return Case(
            case,
            result_of(word, self.fixups) or "unknown",
            measurement(groups.get("measurement")),
            groups.get("units"),
        )
