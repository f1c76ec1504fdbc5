"""A submission for KCIDB: the tests of a run, in version 5.3 of its schema.

A KCIDB test belongs to a build, which `Origin.build` names. A failure of the tested code is
FAIL; a test that could not run is MISS.
"""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from .. import verdict
from ..consoles import Excerpts
from ..inputs import NO_INPUTS
from ..safe_text import plain

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..consoles import Consoles
    from ..inputs import Origin, ReportInputs
    from ..results import Results
    from ..run_model import ActionRecord, CaseRecord, NodeRecord

VERSION = {"major": 5, "minor": 3}
MAX_EXCERPT_CHARS = 16384  # by the schema
_ODD = re.compile(r"[^A-Za-z0-9_-]+")
_CASE = {"pass": "PASS", "fail": "FAIL", "skip": "SKIP", "unknown": "ERROR"}
_KIND = {"test": "FAIL", "multinode": "FAIL", "job": "ERROR", "bug": "ERROR"}


def render(results: Results, inputs: ReportInputs = NO_INPUTS) -> str:
    """Return the submission."""
    tests = list(_SubmissionWriter(results, inputs.consoles, inputs.origin).tests())
    return json.dumps({"version": VERSION, "tests": tests}, indent=1, allow_nan=False) + "\n"


class _SubmissionWriter:
    def __init__(self, results: Results, consoles: Consoles, origin: Origin) -> None:
        self._results = results
        self._lines = Excerpts(consoles)
        self._origin = origin.name
        self._run = f"{origin.name}:{plain(results.job['id']) or 'unknown'}"
        self._build = origin.build or self._run

    def tests(self) -> Iterator[dict[str, Any]]:
        """Yield every action and case of every node."""
        for node in self._results.nodes.values():
            number = 0
            for action in sorted(node.actions.values(), key=lambda action: action.index):
                number += 1
                yield self._action(node, action, number)
            for case in node.cases:
                number += 1
                yield self._case(node, case, number)

    def _action(self, node: NodeRecord, action: ActionRecord, number: int) -> dict[str, Any]:
        status = {"pass": "PASS", "skipped": "SKIP"}.get(action.status or "")
        if status is None:
            status = _KIND.get(verdict.of_node(node).error_type or "", "MISS")
        path = ("lava", action.command)
        test = self._test(node, number, path, status, action.started, action.seconds)
        if status not in {"PASS", "SKIP"}:
            test |= self._excerpt(node, action.finished)
        return test

    def _case(self, node: NodeRecord, case: CaseRecord, number: int) -> dict[str, Any]:
        path = (case.definition, case.set or "", case.case)
        start = case.time if case.start is None else case.start
        test = self._test(node, number, path, _CASE[case.result], start, case.seconds)
        if isinstance(case.measurement, int | float):
            unit = {"unit": plain(case.units)} if case.units else {}
            test["number"] = {"value": case.measurement, **unit}
        if case.result == "fail":
            test |= self._excerpt(node, case.time)
        return test

    def _test(
        self,
        node: NodeRecord,
        number: int,
        path: tuple[str, ...],
        status: str,
        start: float | None,
        seconds: float | None,
    ) -> dict[str, Any]:
        name = plain(node.name)
        test: dict[str, Any] = {
            "id": f"{self._run}-{name}-{number}",
            "origin": self._origin,
            "build_id": self._build,
            "path": ".".join(_ODD.sub("_", part) for part in path if part),
            "comment": plain(" ".join(part for part in path if part)),
            "status": status,
            "environment": {
                "comment": name,
                "misc": {"role": plain(node.role), "device_type": plain(node.device_type)},
            },
        }
        if (moment := self._moment(start)) is not None:
            test["start_time"] = moment
        if seconds is not None:
            test["duration"] = max(0.0, seconds)
        return test

    def _moment(self, seconds: float | None) -> str | None:
        """Return a time of the run as an ISO date, or None if its start is unknown."""
        try:
            began = datetime.fromisoformat(self._results.started or "")
            return (began + timedelta(seconds=seconds or 0.0)).isoformat()
        except (ValueError, OverflowError):
            return None

    def _excerpt(self, node: NodeRecord, time: float | None) -> dict[str, str]:
        lines = self._lines(node.name, self._results.last if time is None else time)
        return {"log_excerpt": "\n".join(lines)[-MAX_EXCERPT_CHARS:]} if lines else {}
