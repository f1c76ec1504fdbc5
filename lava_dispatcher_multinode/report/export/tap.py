"""TAP version 13, for `prove` and similar tools.

Perl's TAP::Harness 3.44 refuses later versions.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from .. import verdict
from ..inputs import NO_INPUTS
from ..safe_text import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ..inputs import ReportInputs
    from ..results import Results
    from ..run_model import CaseRecord, NodeRecord

_DIRECTIVE = {"skip": " # SKIP", "unknown": " # SKIP the result is unknown"}


def render(results: Results, _inputs: ReportInputs = NO_INPUTS) -> str:
    """Return the whole document: a test point per case, and one per node with an error."""
    points = [point for node in results.nodes.values() for point in _node(node)]
    if not points:
        return f"TAP version 13\n1..0 # SKIP {_nothing(results)}\n"
    lines = ["TAP version 13", f"1..{len(points)}"]
    for number, (passed, description, notes) in enumerate(points, 1):
        lines.append(f"{'ok' if passed else 'not ok'} {number} - {description}")
        lines += notes
    return "\n".join(lines) + "\n"


def _nothing(results: Results) -> str:
    code = verdict.exit_code(results)
    return "the job has no tests" if not code else verdict.MEANING[code]


def _node(node: NodeRecord) -> Iterator[tuple[bool, str, list[str]]]:
    for case in node.cases:
        yield case.result != "fail", _description(node, case), _measurement(case)
    judged = verdict.of_node(node)
    reported = judged.status == "fail" and node.count("fail")
    if judged.status in {"fail", "error"} and not reported:
        facts = {"severity": judged.status, "type": judged.error_type, "message": judged.error}
        yield False, _escape(f"{node.name}: {judged.error_type}"), _notes(facts)


def _description(node: NodeRecord, case: CaseRecord) -> str:
    return _escape(f"{node.name}: {case.full_name}") + _DIRECTIVE.get(case.result, "")


def _measurement(case: CaseRecord) -> list[str]:
    if case.measurement is None:
        return []
    return _notes({"measurement": case.measurement, "units": case.units})


def _notes(facts: Mapping[str, str | float | int | None]) -> list[str]:
    """Return a YAML block; every JSON value is also YAML."""
    lines = [f"  {key}: {json.dumps(value)}" for key, value in facts.items() if value is not None]
    return ["  ---", *lines, "  ..."]


def _escape(text: str) -> str:
    """Return one line without `#`, since readers differ in how to escape it."""
    return one_line(text).replace("#", "_")
