"""results.xml: the shape that Jenkins, GitLab and their like read.

One suite per node and definition, and one per node for its actions, as LAVA's
suite `lava` has them. Source of the shape: the Jenkins xunit plug-in's
junit-10.xsd, as far as common readers go.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

from . import verdict
from .text import speakable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .model import Action, Case, Node
    from .results import Results

_COUNTED = {"failures": "failure", "errors": "error", "skipped": "skipped"}


def render(results: Results) -> str:
    """Return the whole document, with its XML declaration."""
    root = ET.Element("testsuites", name=speakable(results.job["name"] or "job"))
    for node in results.nodes.values():
        root.extend(_suites(node, results))
    _total(root, root.iter("testcase"))
    root.set("time", _seconds(results.last))
    if results.started:
        root.set("timestamp", _timestamp(results.started))
    ET.indent(root, " ")
    text = ET.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="utf-8"?>\n{text}\n'


def _suites(node: Node, results: Results) -> Iterable[ET.Element]:
    definitions: dict[str, list[Case]] = {}
    for case in node.cases:
        definitions.setdefault(case.definition, []).append(case)
    actions = list(_actions(node))
    if actions:
        yield _suite(node, "lava", actions, results)
    for definition, cases in definitions.items():
        name = definition or "tests"
        yield _suite(node, name, [_case(node, name, case) for case in cases], results)


def _suite(node: Node, name: str, cases: list[ET.Element], results: Results) -> ET.Element:
    suite = ET.Element(
        "testsuite", name=speakable(f"{node.name}.{name}"), hostname=speakable(node.name)
    )
    _total(suite, cases)
    suite.set("time", _seconds(sum(float(case.get("time", "0")) for case in cases)))
    if results.started:
        suite.set("timestamp", _timestamp(results.started))
    facts = {
        "node": node.name,
        "role": node.role,
        "device_type": node.device_type,
        "job_id": results.job["id"],
    }
    suite.append(_properties(facts))
    suite.extend(cases)
    log = ET.SubElement(suite, "system-out")
    log.text = speakable(f"[[ATTACHMENT|nodes/{node.name}/console.log]]")
    return suite


def _case(node: Node, definition: str, case: Case) -> ET.Element:
    name = f"{case.set}/{case.case}" if case.set else case.case
    element = _testcase(node, definition, name, case.seconds)
    if case.measurement is not None:
        facts = {"measurement": str(case.measurement), "units": case.units or ""}
        element.append(_properties(facts))
    if case.result == "fail":
        ET.SubElement(element, "failure", type="test", message=speakable(f"{name} failed"))
    elif case.result != "pass":
        ET.SubElement(element, "skipped", message=speakable(case.result))
    return element


def _actions(node: Node) -> Iterable[ET.Element]:
    """Yield a case per action, and one for a node's error that no action has."""
    judged = verdict.of_node(node)
    told = False
    for action in sorted(node.actions.values(), key=lambda action: action.index):
        # It failed because its cases did, and each of them is told already.
        if action.status == "fail" and node.count("fail"):
            continue
        element = _testcase(node, "lava", action.command, action.seconds)
        told |= _tell(element, action, judged)
        yield element
    if judged.status == "error" and not told:
        element = _testcase(node, "lava", "node", None)
        _problem(element, "error", judged.error_type, judged.error)
        yield element


def _tell(element: ET.Element, action: Action, judged: verdict.Verdict) -> bool:
    """Say how the action ended; return whether that was an error."""
    if action.status == "skipped":
        ET.SubElement(element, "skipped", message="the run ended before it")
    elif action.status == "fail":
        _problem(element, "failure", judged.error_type, action.error or judged.error)
    elif action.status != "pass":  # an error, or cut off in the middle
        _problem(element, "error", judged.error_type, action.error or judged.error)
        return True
    return False


def _problem(element: ET.Element, tag: str, kind: str | None, error: str | None) -> None:
    text = speakable(error or "no reason is known")
    problem = ET.SubElement(element, tag, type=kind or "bug", message=text.partition("\n")[0])
    problem.text = text


def _testcase(node: Node, definition: str, name: str, seconds: float | None) -> ET.Element:
    classname = speakable(f"{node.name}.{definition}")
    time = _seconds(seconds or 0.0)
    return ET.Element("testcase", classname=classname, name=speakable(name), time=time)


def _properties(facts: dict[str, str]) -> ET.Element:
    properties = ET.Element("properties")
    for name, value in facts.items():
        ET.SubElement(properties, "property", name=name, value=speakable(value))
    return properties


def _total(element: ET.Element, cases: Iterable[ET.Element]) -> None:
    cases = list(cases)
    element.set("tests", str(len(cases)))
    for attribute, tag in _COUNTED.items():
        element.set(attribute, str(sum(case.find(tag) is not None for case in cases)))


def _seconds(seconds: float) -> str:
    return f"{seconds:.3f}"


def _timestamp(started: str) -> str:
    """Readers want ISO 8601 without a zone."""
    return speakable(started.removesuffix("Z").partition("+")[0].partition(".")[0])
