"""Statuses and exit codes."""

import pytest

from lava_dispatcher_multinode.errors import ExitCode
from lava_dispatcher_multinode.report.results import Results
from lava_dispatcher_multinode.report.verdict import (
    CUT_OFF,
    MEANING,
    Verdict,
    current_status,
    exit_code,
    exit_code_of,
    of_node,
    status_of,
)


def ended(story, *ends):
    """Three nodes that ran a test shell with a result, and their final status."""
    story.start()
    for name, (status, kind) in zip(("panda01", "panda02", "beaglexm01"), ends, strict=True):
        story.action(name).case(name).end(name, status, kind)
    return Results.of(story.events)


PASSED = ("pass", None)


def test_all_passed(story):
    """The good case is 0."""
    assert exit_code_of(ended(story, PASSED, PASSED, PASSED)) == ExitCode.PASS


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("test", 1),
        ("multinode", 1),
        ("job", 2),
        ("infrastructure", 3),
        ("bug", 70),
        (None, 70),
        ("cancelled", 130),
    ],
)
def test_error_type_decides_the_code(story, kind, code):
    """A node's error is never taken for a failed test, nor the other way round."""
    assert exit_code_of(ended(story, PASSED, ("error", kind), PASSED)) == code


@pytest.mark.parametrize(
    ("kinds", "code"),
    [
        (("bug", "infrastructure", "test"), 70),
        (("test", "infrastructure", "test"), 3),
        (("test", "multinode", "test"), 1),
    ],
)
def test_worst_node_decides(story, kinds, code):
    """70 > 3 > 1, whatever the order of the nodes."""
    assert exit_code_of(ended(story, *(("error", kind) for kind in kinds))) == code
    story.events.clear()
    assert exit_code_of(ended(story, *(("error", kind) for kind in reversed(kinds)))) == code


def test_failed_case_fails_a_node_that_says_it_passed(story):
    """A recorded pass does not hide a failed case."""
    story.start().action("panda01").case("panda01", result="fail").end("panda01")
    results = Results.of(story.events)
    assert of_node(results.nodes["panda01"]).status == "fail"
    assert of_node(results.nodes["panda01"]).error_type == "test"


def test_definition_that_was_cut_short_says_why(story):
    """The user learns the exit code from the table, not only that something failed."""
    story.start().case("panda01", result="fail")
    story.case("panda01", "lava-test-shell-run", "fail", error="exit code 2 before its last step")
    results = Results.of(story.end("panda01", "fail").events)
    verdict = of_node(results.nodes["panda01"])
    assert (verdict.status, verdict.error_type) == ("fail", "test")
    assert verdict.error == "0_smoke: exit code 2 before its last step"


def test_failed_wait_fails_the_node_with_its_reason(story):
    """A failed call gives exit code 1 and its reason."""
    nodes = {"panda02": {"role": "client", "device_type": "panda"}}
    story.start(nodes).wait("panda02", "never", "panda01 has finished")
    story.wait("panda02", "timeout", "timed out").end("panda02").finish(None)
    results = Results.of(story.events)
    verdict = of_node(results.nodes["panda02"])
    assert (verdict.status, verdict.error_type) == ("fail", "multinode")
    assert verdict.error == "lava-wait ready: panda01 has finished"
    assert exit_code_of(results) == ExitCode.TEST_FAILED


def test_node_with_a_failed_test_and_a_failed_wait_gives_the_reason_of_the_wait(story):
    """A test that failed gives none, and the one that there is must not be lost."""
    story.start().case("panda01", result="fail").wait("panda01", "timeout", "timed out")
    results = Results.of(story.end("panda01", "fail").events)
    verdict = of_node(results.nodes["panda01"])
    assert (verdict.error_type, verdict.error) == ("test", "lava-wait ready: timed out")


def test_a_failed_node_without_a_reason_is_a_failed_test(story):
    """A failed node without a reason gives 1, not 70."""
    story.start({"panda01": {}}).action("panda01", "boot_linaro_image").end("panda01", "fail")
    results = Results.of(story.events)
    assert of_node(results.nodes["panda01"]) == Verdict("fail", "test", None)
    assert exit_code_of(results) == 1


def test_a_failed_wait_is_of_the_kind_that_the_node_says(story):
    """A peer that the infrastructure lost is no failure of MultiNode."""
    story.start({"panda01": {}}).wait("panda01", "never", "panda02 failed: no power")
    results = Results.of(story.end("panda01", "fail", "infrastructure").events)
    assert of_node(results.nodes["panda01"]).error_type == "infrastructure"
    assert exit_code_of(results) == 3


def test_the_case_of_a_failed_wait_makes_it_no_failed_test(story):
    """The call and the definition that ended with it are no failed tests."""
    story.start({"panda01": {}}).wait("panda01", "timeout", "timed out")
    story.case("panda01", "multinode-wait-ready", "fail")
    story.case("panda01", "lava-test-shell-run", "fail", error="exit code 3")
    story.case("panda01", "ping", "pass").end("panda01", "fail")
    verdict = of_node(Results.of(story.events).nodes["panda01"])
    assert (verdict.error_type, verdict.error) == ("multinode", "lava-wait ready: timed out")


def test_the_reason_of_a_failed_wait_precedes_its_consequences(story):
    """The reason of a failed call precedes the failures that follow from it."""
    story.start({"panda01": {}}).wait("panda01", "timeout", "timed out")
    story.case("panda01", result="fail").case("panda01", "multinode-wait-ready", "fail", error="3")
    story.case("panda01", "lava-test-shell-run", "fail", error="exit code 3")
    verdict = of_node(Results.of(story.end("panda01", "fail").events).nodes["panda01"])
    assert verdict == Verdict("fail", "test", "lava-wait ready: timed out")
    story.case("panda01", "load", "fail", error="too high")
    verdict = of_node(Results.of(story.events).nodes["panda01"])
    assert verdict.error == "0_smoke: too high"


@pytest.mark.parametrize("result", ["skip", "unknown"])
def test_skipped_and_unknown_results_do_not_fail(story, result):
    """Skipped nodes are no failures."""
    nodes = {"panda01": {}}
    story.start(nodes).action("panda01").case("panda01", result=result).end("panda01")
    assert exit_code_of(Results.of(story.events)) == ExitCode.PASS


def test_error_of_an_action_reaches_the_node(story):
    """An action's error is the node's, even if the node's status is pass."""
    story.start({"panda01": {}}).action("panda01", status="error", error="no U-Boot prompt")
    results = Results.of(story.end("panda01").events)
    verdict = of_node(results.nodes["panda01"])
    assert (verdict.status, verdict.error) == ("error", "no U-Boot prompt")
    assert exit_code_of(results) == ExitCode.INFRASTRUCTURE


def test_action_that_failed_without_a_case_fails_the_node(story):
    """A `multinode` action has no test case to fail."""
    story.start({"panda01": {}}).action("panda01", "multinode", "fail", "timed out")
    verdict = of_node(Results.of(story.end("panda01").events).nodes["panda01"])
    assert verdict == Verdict("fail", "test", "timed out")


def test_peers_that_went_down_with_a_node_do_not_hide_its_code(story):
    """The group's end cancels the others; the cause is what counts."""
    cancelled = ("error", "cancelled")
    assert exit_code_of(ended(story, cancelled, ("error", "infrastructure"), cancelled)) == 3


def test_interrupt_is_above_all(story):
    """Ctrl-C is 130, whatever had failed by then."""
    results = ended(story, ("error", "infrastructure"), ("error", "cancelled"), PASSED)
    assert exit_code_of(results, interrupted=True) == ExitCode.INTERRUPTED


def test_test_shell_without_any_result_is_nothing(story):
    """A run that tested nothing must not look like one that passed."""
    story.start({"panda01": {}}).action("panda01").end("panda01").finish(None)
    assert exit_code_of(Results.of(story.events)) == ExitCode.NOTHING_RAN


def test_job_without_tests_passes_when_its_actions_did(story):
    """A job that only deploys and boots passes without results."""
    story.start({"panda01": {}}).action("panda01", "boot_linaro_image").end("panda01")
    assert exit_code_of(Results.of(story.events)) == ExitCode.PASS


def test_helper_node_needs_no_result_of_its_own(story):
    """A server that only serves does not make the run nothing."""
    story.start({"panda01": {}, "panda02": {}})
    story.action("panda01").action("panda02").case("panda02").end("panda01").end("panda02")
    assert exit_code_of(Results.of(story.events)) == ExitCode.PASS


def test_job_in_which_every_action_was_skipped_is_nothing(story):
    """Skipping all is not passing."""
    story.start({"panda01": {}}).action("panda01", "boot_linaro_image", "skipped")
    assert exit_code_of(Results.of(story.end("panda01", "skipped").events)) == 5


def test_cut_off_run_is_an_error_everywhere_it_had_not_ended(story):
    """A killed run is an error, and keeps the finished nodes."""
    story.start({"panda01": {}, "panda02": {}}).action("panda01").case("panda01").end("panda01")
    results = Results.of(story.events)
    assert of_node(results.nodes["panda01"]).status == "pass"
    verdict = of_node(results.nodes["panda02"])
    assert (verdict.status, verdict.error) == ("error", CUT_OFF)
    assert exit_code(results) == ExitCode.INFRASTRUCTURE


def test_a_node_at_work_is_open_while_its_run_goes_on(story):
    """Nothing is decided before it ends; once the run is over, it was cut off."""
    story.start({"panda01": {}, "panda02": {}}).end("panda01", "fail", "test")
    results = Results.of(story.events, process_alive=True)
    assert [current_status(node, results).status for node in results.nodes.values()] == [
        "fail",
        "open",
    ]
    results.mark_process_ended()
    assert current_status(results.nodes["panda02"], results).status == "error"
    results = Results.of(story.finish(1).events, process_alive=True)
    assert current_status(results.nodes["panda02"], results).status == "error"


def test_run_cut_off_before_its_first_event_is_an_error():
    """An empty log is no success."""
    assert exit_code(Results()) == ExitCode.INFRASTRUCTURE


def test_code_that_the_run_gave_is_kept(story):
    """The report has the exit code of the command."""
    assert exit_code(Results.of(story.start({}).finish(4).events)) == ExitCode.NO_BOARDS


@pytest.mark.parametrize("code", list(ExitCode))
def test_every_code_has_a_status_and_a_meaning(code):
    """A new exit code cannot be forgotten here."""
    assert status_of(code) in {"pass", "fail", "error", "skipped"}
    assert (status_of(code) == "pass") == (code == ExitCode.PASS)
    assert MEANING[code]
