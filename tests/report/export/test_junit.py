"""results.xml, read back by a reader that others use too."""

import xml.etree.ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st
from junitparser import Error, Failure, JUnitXml, Skipped

from lava_dispatcher_multinode.report.consoles import Consoles
from lava_dispatcher_multinode.report.export import junit
from lava_dispatcher_multinode.report.inputs import ReportInputs
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
    """A dead board is an error with its reason, not a failure."""
    _, suites = parsed(whole_story)
    cases = {case.name: case for case in suites["beaglexm01.lava"]}
    (error,) = cases["lava_test_shell"].result
    assert isinstance(error, Error)
    assert (error.type, error.message) == ("infrastructure", "kernel panic")
    assert error.text == "kernel panic\nCPU: 0"


def test_totals_are_those_of_the_cases(whole_story):
    """A failed case is counted once, not again as the action it was in."""
    xml, suites = parsed(whole_story)
    assert (xml.tests, xml.failures, xml.errors) == (9, 1, 1)
    assert sum(suite.skipped for suite in suites.values()) == 1
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
    """Measurements are properties."""
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
    """Any console text gives valid XML."""
    story.start({"panda01": {}}).case("panda01", "a\x00\x1b[0m\ud800]]>", "fail")
    xml = junit.render(Results.of(story.end("panda01").events))
    case = ET.fromstring(xml.encode()).find(".//testcase")
    assert case.get("name") == "a\ufffd\ufffd[0m\ufffd]]>"


def test_a_failure_has_the_console_output_and_the_log(whole_story, tmp_path):
    """In the case's own system-out, where Jenkins and GitLab look; a board attaches nothing."""
    log = tmp_path / "nodes" / "panda02" / "console.log"
    log.parent.mkdir(parents=True)
    log.write_text("[    5.900000] refused\n[    5.950000] [[ATTACHMENT|/etc/shadow]]\n")
    root = ET.fromstring(
        junit.render(Results.of(whole_story), ReportInputs(Consoles(tmp_path))).encode()
    )
    (failed,) = (case for case in root.iter("testcase") if case.find("failure") is not None)
    lines = failed.findtext("system-out").splitlines()
    assert lines[0] == "[    5.900000] refused"
    assert lines[-1] == "[[ATTACHMENT|nodes/panda02/console.log]]"
    assert sum("[[ATTACHMENT" in line for line in lines) == 1


def test_wait_takes_its_time_and_its_suite_no_longer(story):
    """A CI shows how long a board waited; a call within a case is not counted a second time."""
    story.start({"panda02": {}}).at(1).wait("panda02")
    story.case("panda02", "multinode-wait-ready", end=3.0).case("panda02", start=0.5, end=3.25)
    story.at(5).wait("panda02").case("panda02", "multinode-wait-ready", "fail", end=7.0)
    _, suites = parsed(story.end("panda02").events)
    suite = suites["panda02.0_smoke"]
    assert [case.time for case in suite] == [2.0, 2.75, 2.0]
    assert suite.time == 4.75


def test_failure_says_why_where_that_is_known(story):
    """A CI shows the message: the exit code of a definition that was cut short belongs there."""
    story.start({"a": {}}).case("a", "lava-test-shell-run", "fail", error="exit code 2")
    root = ET.fromstring(junit.render(Results.of(story.end("a", "fail").events)).encode())
    assert root.find(".//failure").get("message") == "lava-test-shell-run: exit code 2"


def test_boot_that_was_tried_again_is_flaky(story):
    """Failed boots are visible, but do not fail an action that passed."""
    story.start({"a": {}}).add("action_started", node="a", index=0, command="boot_linaro_image")
    story.add("boot_started", node="a", attempt=1, of=2)
    story.add("boot_finished", node="a", attempt=1, of=2, status="error", error="panic\nmore")
    story.add("action_finished", node="a", index=0, command="boot_linaro_image", status="pass")
    root = ET.fromstring(junit.render(Results.of(story.end("a").events)).encode())
    flaky = root.find(".//testcase/flakyError")
    assert flaky.get("message") == "boot 1 of 2: panic"
    assert root.get("errors") == "0"


def test_cases_with_one_name_are_numbered(story):
    """Readers that know a case by its name show all of its results."""
    story.start({"a": {}}).case("a", result="fail").case("a").case("a", "other")
    _, suites = parsed(story.end("a").events)
    assert list(outcome(suites["a.0_smoke"])) == ["ping", "ping (2)", "other"]


# What junit-10.xsd of Jenkins's xUnit plug-in allows: attributes and children. It has no
# properties in a case; see the module.
_SUITE = "name tests failures errors skipped time timestamp hostname"
SHAPE = {
    "testsuites": ("name tests failures errors time", "testsuite"),
    "testsuite": (_SUITE, "properties testcase system-out"),
    "testcase": (
        "name classname time",
        "properties failure error skipped rerunError flakyError system-out",
    ),
    "properties": ("", "property"),
    "property": ("name value", ""),
    "failure": ("type message", ""),
    "error": ("type message", ""),
    "rerunError": ("type message", ""),
    "flakyError": ("type message", ""),
    "skipped": ("message", ""),
    "system-out": ("", ""),
}


def check_shape(element):
    """Fail on an element or attribute that readers with a schema refuse."""
    attributes, children = (words.split() for words in SHAPE[element.tag])
    assert set(element.attrib) <= set(attributes), element.tag
    for child in element:
        assert child.tag in children
        check_shape(child)


@given(st.data())
def test_any_events_make_well_formed_xml(event_lists, data):
    """Any kinds, any order, cut anywhere, any characters."""
    root = ET.fromstring(junit.render(Results.of(data.draw(event_lists))).encode())
    check_shape(root)
    for suite in root:
        assert int(suite.get("tests")) == len(suite.findall("testcase"))
        for attribute, tag in (("failures", "failure"), ("errors", "error")):
            assert int(suite.get(attribute)) == len(suite.findall(f"testcase/{tag}"))
