"""Judges the facts: a status for each node, an exit code for the run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..errors import ExitCode, worst

if TYPE_CHECKING:
    from .results import Results
    from .run_model import CaseRecord, NodeRecord

CUT_OFF = "the run was cut off before this node had finished"

_EXIT_CODES = {
    "test": ExitCode.TEST_FAILED,
    "multinode": ExitCode.TEST_FAILED,
    "job": ExitCode.INVALID,
    "infrastructure": ExitCode.INFRASTRUCTURE,
    "bug": ExitCode.BUG,
    "cancelled": ExitCode.INTERRUPTED,
}

#: The meaning of each exit code, for users.
MEANING = {
    ExitCode.PASS: "passed",
    ExitCode.TEST_FAILED: "a test failed",
    ExitCode.INVALID: "invalid job or command line",
    ExitCode.INFRASTRUCTURE: "infrastructure error",
    ExitCode.NO_BOARDS: "boards not available",
    ExitCode.NOTHING_RAN: "no test result was recorded",
    ExitCode.BUG: "a bug in lava-dispatcher-multinode or in a plug-in",
    ExitCode.INTERRUPTED: "interrupted",
}


@dataclass(frozen=True)
class Verdict:
    """The status of a node; `error_type` and `error` are None if it passed."""

    status: str  # pass | fail | error | skipped
    error_type: str | None = None
    error: str | None = None


def of_node(node: NodeRecord) -> Verdict:
    """Return the verdict on a node: the worst of its recorded status and its parts.

    A node with a failed case has not passed, whatever status the run recorded.
    """
    if node.recorded_status is None:
        return Verdict("error", "infrastructure", CUT_OFF)
    if node.recorded_status == "error":
        return Verdict("error", node.error_type or "bug", node.error)
    for action in node.actions.values():
        if action.status == "error":
            kind = node.error_type or "infrastructure"
            return Verdict("error", kind, node.error or action.error)
    return _of_tests(node)


def current_status(node: NodeRecord, results: Results) -> Verdict:
    """Return the verdict for display: `open` while the run and the node are at work."""
    if results.running and node.recorded_status is None:
        return Verdict("open")
    return of_node(node)


def _of_tests(node: NodeRecord) -> Verdict:
    if node.failed_waits and not _tests_failed(node):
        kind = node.error_type or "multinode"
        return Verdict("fail", kind, node.error or node.failed_waits[0].sentence or None)
    if node.count("fail"):
        why = node.error or _why(node) or next((wait.sentence for wait in node.failed_waits), None)
        return Verdict("fail", node.error_type or "test", why or None)
    for action in node.actions.values():
        if action.status == "fail":
            return Verdict("fail", node.error_type or "test", node.error or action.error)
    if node.recorded_status == "fail":
        return Verdict("fail", node.error_type or "test", node.error)
    return Verdict(node.recorded_status or "error", node.error_type, node.error)


def is_derived(case: CaseRecord, node: NodeRecord) -> bool:
    """Return whether a case only follows from a MultiNode call, or from one that failed."""
    ended = case.case == "lava-test-shell-run" and bool(node.failed_waits)
    return ended or case.case.startswith("multinode-")


def _why(node: NodeRecord) -> str | None:
    """Return why the first failed definition did not complete, if known."""
    failed = (case for case in node.cases if case.result == "fail" and not is_derived(case, node))
    return next((f"{case.definition}: {case.error}" for case in failed if case.error), None)


def _tests_failed(node: NodeRecord) -> bool:
    return any(case.result == "fail" and not is_derived(case, node) for case in node.cases)


def exit_code_of(results: Results, *, interrupted: bool = False) -> ExitCode:
    """Return the exit code that follows from the nodes' verdicts.

    `interrupted`: the user ended the run; this has precedence. Otherwise a cancelled node was
    ended by the failure of another one, which determines the code. Whether anything ran is
    judged for the whole run: a node that only serves the others may record no result.
    """
    if interrupted:
        return ExitCode.INTERRUPTED
    codes = [_code(of_node(node)) for node in results.nodes.values()]
    own = [code for code in codes if code not in {ExitCode.PASS, ExitCode.INTERRUPTED}]
    if own:
        return worst(own)
    if ExitCode.INTERRUPTED in codes:
        return ExitCode.INTERRUPTED
    if not results.nodes and not results.over:
        return ExitCode.INFRASTRUCTURE  # cut off before it had nodes
    return ExitCode.PASS if _anything_ran(results) else ExitCode.NOTHING_RAN


def exit_code(results: Results) -> ExitCode:
    """Return the recorded exit code, or compute it from the nodes."""
    if results.stated_exit_code is not None:
        return results.stated_exit_code
    return exit_code_of(results)


def status_of(code: ExitCode) -> str:
    """Return a run's status for its exit code."""
    return {
        ExitCode.PASS: "pass",
        ExitCode.TEST_FAILED: "fail",
        ExitCode.NOTHING_RAN: "skipped",
    }.get(code, "error")


def _code(verdict: Verdict) -> ExitCode:
    if verdict.status in {"pass", "skipped"}:
        return ExitCode.PASS
    return _EXIT_CODES[verdict.error_type or "bug"]


def _anything_ran(results: Results) -> bool:
    """Return whether the job has done its work.

    Where tests were to run a result is needed; a job that only deploys and
    boots has run when an action of it has.
    """
    if any(node.cases for node in results.nodes.values()):
        return True
    ran = [
        action
        for node in results.nodes.values()
        for action in node.actions.values()
        if action.status != "skipped"
    ]
    return bool(ran) and not any(action.tests for action in ran)
