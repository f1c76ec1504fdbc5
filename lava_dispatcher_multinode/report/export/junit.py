"""results.xml: JUnit XML for Jenkins, GitLab and similar tools.

One suite per node and definition, and one per node for its actions, like LAVA's suite `lava`.
The structure is that of junit-10.xsd of Jenkins's xUnit plug-in. In addition, a case may have
properties, which hold its measurement.
"""

from __future__ import annotations

import math
import re
import xml.etree.ElementTree as ET
from collections import Counter
from pathlib import PurePath
from typing import TYPE_CHECKING

from .. import verdict
from ..consoles import Excerpts
from ..inputs import NO_INPUTS
from ..safe_text import xml_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..consoles import Consoles
    from ..inputs import ReportInputs
    from ..results import Results
    from ..run_model import ActionRecord, BootRecord, CaseRecord, NodeRecord

_TOTALS = {"failures": "failure", "errors": "error"}
#: A CI server keeps the file that such a line names; console output must not contain one.
_ATTACHMENT = re.compile(r"\[(?=\[ATTACHMENT)", re.IGNORECASE)


def render(results: Results, inputs: ReportInputs = NO_INPUTS) -> str:
    """Return the whole document, with its XML declaration."""
    writer = _SuiteWriter(results, inputs.consoles)
    root = ET.Element("testsuites", name=xml_text(results.job["name"] or "job"))
    for node in results.nodes.values():
        root.extend(writer.suites(node))
    _total(root, root.iter("testcase"))
    root.set("time", _seconds(results.last))
    ET.indent(root, " ")
    text = ET.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="utf-8"?>\n{text}\n'


class _SuiteWriter:
    """Creates the suites of one run."""

    def __init__(self, results: Results, consoles: Consoles) -> None:
        self._results = results
        self._excerpt = Excerpts(consoles)

    def suites(self, node: NodeRecord) -> Iterable[ET.Element]:
        definitions: dict[str, list[CaseRecord]] = {}
        for case in node.cases:
            definitions.setdefault(case.definition, []).append(case)
        actions = list(self._actions(node))
        if actions:
            took = sum(float(action.get("time", "0")) for action in actions)
            yield self._suite(node, "lava", actions, took)
        for definition, cases in definitions.items():
            name = definition or "tests"
            seen: Counter[str] = Counter()
            elements = [self._case(node, name, case, seen) for case in cases]
            yield self._suite(node, name, elements, _covered(cases))

    def _suite(
        self, node: NodeRecord, name: str, cases: list[ET.Element], seconds: float
    ) -> ET.Element:
        suite = ET.Element(
            "testsuite", name=xml_text(f"{node.name}.{name}"), hostname=xml_text(node.name)
        )
        _total(suite, cases)
        suite.set("skipped", str(sum(case.find("skipped") is not None for case in cases)))
        suite.set("time", _seconds(seconds))
        if self._results.started:
            suite.set("timestamp", _timestamp(self._results.started))
        facts = {
            "node": node.name,
            "role": node.role,
            "device_type": node.device_type,
            "job_id": self._results.job["id"],
        }
        suite.append(_properties(facts))
        suite.extend(cases)
        _out(suite, _attachment(node))
        return suite

    def _case(
        self, node: NodeRecord, definition: str, case: CaseRecord, seen: Counter[str]
    ) -> ET.Element:
        name = f"{case.set}/{case.case}" if case.set else case.case
        seen[name] += 1
        # Readers show only one of two cases with the same name.
        unique = name if seen[name] == 1 else f"{name} ({seen[name]})"
        element = _testcase(node, definition, unique, case.seconds)
        if case.measurement is not None:
            facts = {"measurement": str(case.measurement), "units": case.units or ""}
            element.append(_properties(facts))
        if case.result == "fail":
            why = f"{name}: {case.error}" if case.error else f"{name} failed"
            ET.SubElement(element, "failure", type="test", message=xml_text(why))
            self._console(element, node, case.time)
        elif case.result != "pass":
            ET.SubElement(element, "skipped", message=xml_text(case.result))
        return element

    def _actions(self, node: NodeRecord) -> Iterable[ET.Element]:
        """Yield a case per action, and one for an error of the node outside actions."""
        judged = verdict.of_node(node)
        reported = False
        for action in sorted(node.actions.values(), key=lambda action: action.index):
            # It failed because of its cases, which are elements of their own.
            if action.status == "fail" and node.count("fail"):
                continue
            element = _testcase(node, "lava", action.command, action.seconds)
            reported |= self._add_outcome(element, node, action, judged)
            _retries(element, action, node.boots)
            yield element
        if judged.status == "error" and not reported:
            element = _testcase(node, "lava", "node", None)
            _problem(element, "error", judged.error_type, judged.error)
            self._console(element, node, node.finished)
            yield element

    def _add_outcome(
        self, element: ET.Element, node: NodeRecord, action: ActionRecord, judged: verdict.Verdict
    ) -> bool:
        """Add the outcome of an action; return whether it was an error."""
        if action.status == "skipped":
            ET.SubElement(element, "skipped", message="the run ended before it")
        elif action.status != "pass":  # failed, error, or cut off
            tag = "failure" if action.status == "fail" else "error"
            _problem(element, tag, judged.error_type, action.error or judged.error)
            self._console(element, node, action.finished)
            return tag == "error"
        return False

    def _console(self, element: ET.Element, node: NodeRecord, time: float | None) -> None:
        """Add the console output around a failure."""
        lines = self._excerpt(node.name, self._results.last if time is None else time)
        excerpt = [_ATTACHMENT.sub("[ ", line) for line in lines]
        _out(element, "\n".join([*excerpt, _attachment(node)]))


def _retries(element: ET.Element, action: ActionRecord, boots: Iterable[BootRecord]) -> None:
    """Add the failed boots; they are flaky if the action passed."""
    tag = "flakyError" if action.status == "pass" else "rerunError"
    for boot in boots:
        if boot.status == "error" and boot.within(action):
            problem = f"boot {boot.attempt} of {boot.of}: {boot.error or 'failed'}"
            _problem(element, tag, "infrastructure", problem)


def _attachment(node: NodeRecord) -> str:
    name = node.name
    # A name that is no file name has no log, and must not refer to another file.
    plain = PurePath(name).name == name and "]" not in name and name.isprintable()
    return f"[[ATTACHMENT|nodes/{name}/console.log]]" if plain else ""


def _out(element: ET.Element, text: str) -> None:
    if text:
        ET.SubElement(element, "system-out").text = xml_text(text)


def _problem(element: ET.Element, tag: str, kind: str | None, error: str | None) -> None:
    text = xml_text(error or "the reason is unknown")
    problem = ET.SubElement(element, tag, type=kind or "bug", message=text.partition("\n")[0])
    problem.text = text


def _testcase(node: NodeRecord, definition: str, name: str, seconds: float | None) -> ET.Element:
    classname = xml_text(f"{node.name}.{definition}")
    time = _seconds(seconds or 0.0)
    return ET.Element("testcase", classname=classname, name=xml_text(name), time=time)


def _properties(facts: dict[str, str]) -> ET.Element:
    properties = ET.Element("properties")
    for name, value in facts.items():
        ET.SubElement(properties, "property", name=name, value=xml_text(value))
    return properties


def _total(element: ET.Element, cases: Iterable[ET.Element]) -> None:
    cases = list(cases)
    element.set("tests", str(len(cases)))
    for attribute, tag in _TOTALS.items():
        element.set(attribute, str(sum(case.find(tag) is not None for case in cases)))


def _covered(cases: Iterable[CaseRecord]) -> float:
    """Return the seconds in which any case ran: cases overlap if a call waits in another one."""
    total, until = 0.0, -math.inf
    for start, end in sorted(
        (case.start, case.end) for case in cases if case.start is not None and case.end is not None
    ):
        total += max(0.0, end - max(start, until))
        until = max(until, end)
    return total


def _seconds(seconds: float) -> str:
    return f"{max(seconds, 0.0):.3f}"


def _timestamp(started: str) -> str:
    """Return ISO 8601 without a zone, as readers expect it."""
    return xml_text(started.removesuffix("Z").partition("+")[0].partition(".")[0])
