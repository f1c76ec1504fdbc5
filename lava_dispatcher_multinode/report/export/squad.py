"""A submission for SQUAD: the values of `tests`, `metrics` and `metadata`.

The structure follows SQUAD's guide to submitting results and the checks of its receiver, which
refuses a job_id with a slash and a metric that is not a number.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from .. import verdict
from ..consoles import Excerpts
from ..inputs import NO_INPUTS
from ..safe_text import plain

if TYPE_CHECKING:
    from ..inputs import ReportInputs
    from ..results import Results
    from ..run_model import CaseRecord, NodeRecord

# A slash separates suite and test; brackets mark the variants of a test.
_ODD = re.compile(r"[^A-Za-z0-9_.+:-]+")
_ACTION = {"pass": "pass", "fail": "fail", "skipped": "skip"}


def render(results: Results, inputs: ReportInputs = NO_INPUTS) -> str:
    """Return one JSON object with the three values."""
    tests: dict[str, Any] = {}
    metrics: dict[str, Any] = {}
    excerpt = Excerpts(inputs.consoles)
    for node in results.nodes.values():
        for action in node.actions.values():
            name = _name(node.name, "lava", action.command)
            tests[_unique(name, tests)] = _ACTION.get(action.status or "", "fail")
        for case in node.cases:
            name = _unique(_name(node.name, case.definition, case.set or "", case.case), tests)
            tests[name] = _test(node, case, excerpt)
            if isinstance(case.measurement, int | float):
                metrics[name] = {"value": case.measurement, "unit": plain(case.units or "")}
    document = {"tests": tests, "metrics": metrics, "metadata": _metadata(results)}
    return json.dumps(document, indent=1, allow_nan=False) + "\n"


def _test(node: NodeRecord, case: CaseRecord, excerpt: Excerpts) -> dict[str, str]:
    if case.result != "fail":
        return {"result": case.result}
    return {"result": "fail", "log": "\n".join(excerpt(node.name, case.time))}


def _metadata(results: Results) -> dict[str, Any]:
    code = verdict.exit_code(results)
    return {
        # A build accepts each job_id once.
        "job_id": _ODD.sub("_", results.job["id"]) or "unknown",
        "job_status": verdict.status_of(code),
        "job_name": plain(results.job["name"]),
        "datetime": plain(results.started or ""),
        "exit_code": int(code),
        "nodes": [plain(name) for name in results.nodes],
        "roles": [plain(node.role) for node in results.nodes.values()],
        "device_types": sorted({plain(node.device_type) for node in results.nodes.values()}),
    }


def _name(*parts: str) -> str:
    return "/".join(_ODD.sub("_", part) or "_" for part in parts if part)


def _unique(name: str, taken: dict[str, Any]) -> str:
    """Return `name`, numbered if a repeated case has used it."""
    number, unique = 1, name
    while unique in taken:
        number += 1
        unique = f"{name}-{number}"
    return unique
