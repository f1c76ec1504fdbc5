"""results.xml, read back by a reader that others use too."""

import xml.etree.ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st
from junitparser import Error, Failure, JUnitXml, Skipped

from lava_dispatcher_multinode.report import junit
from lava_dispatcher_multinode.report.results import Results


def parsed(events):
    """Return the report as junitparser sees it, suites by name."""
    xml = JUnitXml.fromstring(junit.render(Results.of(events)).encode())
    return xml, {suite.name: suite for suite in xml}


def outcome(suite):
    """Return the kinds of result by the cases' names."""
    return {case.name: [type(result) for result in case.result] for case in suite}


def test_suite_per_node_and_definition(whole_story):
    """A CI shows every node's definitions and actions by name."""
    _, suites = parsed(whole_story)
    assert list(suites) == [
        "panda01.lava",
        "panda01.0_smoke",
        "panda02.lava",
        "panda02.0_smoke",
        "beaglexm01.lava",
    ]
    assert outcome(suites["panda02.0_smoke"]) == {
        "ping": [],
        "net/iperf <b>": [Failure],
        "usb": [Skipped],
    }
    assert {case.classname for case in suites["panda02.0_smoke"]} == {"panda02.0_smoke"}


def test_infrastructure_is_an_error_not_a_failure(whole_story):
    """A dead board is told apart from a failed test, with its reason."""
    _, suites = parsed(whole_story)
    cases = {case.name: case for case in suites["beaglexm01.lava"]}
    (error,) = cases["lava_test_shell"].result
    assert isinstance(error, Error)
    assert (error.type, error.message) == ("infrastructure", "kernel panic")
    assert error.text == "kernel panic\nCPU: 0"


def test_totals_are_those_of_the_cases(whole_story):
    """A failed case is counted once, not again as the action it was in."""
    xml, suites = parsed(whole_story)
    assert (xml.tests, xml.failures, xml.errors, xml.skipped) == (9, 1, 1, 1)
    assert sum(suite.tests for suite in suites.values()) == 9
    assert suites["panda01.0_smoke"].time == 0.25


def test_logs_and_facts_are_attached(whole_story):
    """The console log is one click away, and the board is named."""
    suite = ET.fromstring(junit.render(Results.of(whole_story)).encode())[0]
    assert suite.findtext("system-out") == "[[ATTACHMENT|nodes/panda01/console.log]]"
    facts = {p.get("name"): p.get("value") for p in suite.iterfind("properties/property")}
    assert facts == {
        "node": "panda01",
        "role": "server",
        "device_type": "panda",
        "job_id": "42",
    }
    assert suite.get("timestamp") == "2026-11-22T14:00:00"


def test_measurement_is_a_property(whole_story):
    """A figure is not lost on the way to a CI."""
    root = ET.fromstring(junit.render(Results.of(whole_story)).encode())
    case = root.find(".//testsuite[@name='panda01.0_smoke']/testcase")
    facts = {p.get("name"): p.get("value") for p in case.iterfind("properties/property")}
    assert facts == {"measurement": "3.5", "units": "ms"}


def test_node_error_without_an_action_is_there(story):
    """A node that ended outside every action, or was cut off, still has an errored case."""
    _, suites = parsed(story.start({"panda01": {}}).events)
    assert outcome(suites["panda01.lava"]) == {"node": [Error]}


def test_action_that_failed_by_itself_is_a_failure(story):
    """A `multinode` action has no case, so the action is what failed."""
    story.start({"panda01": {}}).action("panda01", "multinode", "fail", "timed out")
    _, suites = parsed(story.end("panda01", "fail", "multinode", "timed out").events)
    assert outcome(suites["panda01.lava"]) == {"multinode": [Failure]}


def test_control_characters_do_not_break_it(story):
    """A board may print anything."""
    story.start({"panda01": {}}).case("panda01", "a\x00\x1b[0m\ud800]]>", "fail")
    xml = junit.render(Results.of(story.end("panda01").events))
    case = ET.fromstring(xml.encode()).find(".//testcase")
    assert case.get("name") == "a\ufffd\ufffd[0m\ufffd]]>"


@given(st.data())
def test_any_events_make_well_formed_xml(event_lists, data):
    """Any kinds, any order, cut anywhere, any characters."""
    root = ET.fromstring(junit.render(Results.of(data.draw(event_lists))).encode())
    for suite in root:
        assert int(suite.get("tests")) == len(suite.findall("testcase"))
        for attribute, tag in (("failures", "failure"), ("errors", "error")):
            assert int(suite.get(attribute)) == len(suite.findall(f"testcase/{tag}"))
