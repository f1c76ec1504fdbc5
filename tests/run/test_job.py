"""A job from its boards to its results, on boards that are consoles without power control."""

from __future__ import annotations

import errno
import json
import os
from unittest.mock import create_autospec

import pytest

from lava_dispatcher_multinode import plugins
from lava_dispatcher_multinode.errors import BootError, InfrastructureError
from lava_dispatcher_multinode.job.model import ActionSpec, Job, Role
from lava_dispatcher_multinode.lab.device_model import Device
from lava_dispatcher_multinode.lab.device_sections import ConsoleConnection
from lava_dispatcher_multinode.run import job as module
from lava_dispatcher_multinode.run import node as node_module
from lava_dispatcher_multinode.run.board_selection import Assignment
from lava_dispatcher_multinode.run.interrupts import Interruptions
from lava_dispatcher_multinode.run.job import PreparedRun
from lava_dispatcher_multinode.run.supervisor.supervisor import Supervisor

SUPERVISOR = create_autospec(Supervisor, instance=True)
WAIT = 20  # seconds until what must come counts as lost


class Action:
    """Calls a function of the test with the node."""

    def __init__(self, work):
        self._work = work

    def run(self, node, parameters):
        """Call the function."""
        del parameters
        self._work(node)


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Return a function that runs a job whose single action is a function of the node."""
    monkeypatch.setattr(node_module, "CRASH_OUTPUT_S", 0.01)

    def run(
        work,
        *roles,
        listeners=(),
        interruptions=None,
        on_node_end=None,
        supervisor=SUPERVISOR,
    ):
        monkeypatch.setattr(plugins, "action", lambda _name: Action(work))
        job = Job("j", 60, roles or (Role("a"), Role("b")), (ActionSpec("x"),), file="j.json")
        members = [
            Assignment(
                role.name,
                Device(f"{role.name}1", "panda", connection=ConsoleConnection("exec cat")),
            )
            for role in job.roles
        ]
        prepared = PreparedRun(job, members, None, tmp_path, "7", False, supervisor)
        return module.run_job(prepared, listeners, interruptions, on_node_end)

    return run


@pytest.fixture
def written(tmp_path):
    """Return a function that reads the events on disk."""

    def read():
        lines = (tmp_path / "events.jsonl").read_text().splitlines()
        return [json.loads(line) for line in lines]

    return read


def ends(outcome):
    """Return the status and reason of each node's end."""
    nodes = outcome.results.nodes.values()
    return {node.name: (node.recorded_status, node.error_type, node.error) for node in nodes}


def test_each_board_walks_the_actions_and_all_is_recorded(run, written, tmp_path):
    """All events reach the disk and the subscribers."""
    heard = []
    outcome = run(lambda node: node.log("INFO", node.role), listeners=[heard.append])
    assert outcome.failure is None
    assert ends(outcome) == {"a1": ("pass", None, None), "b1": ("pass", None, None)}
    events = written()
    first, last = events[0], events[-1]
    assert first["job"] == {"name": "j", "id": "7", "file": "j.json"}
    assert first["nodes"] == {
        "a1": {"role": "a", "device_type": "panda"},
        "b1": {"role": "b", "device_type": "panda"},
    }
    assert (last["event"], last["status"], last["exit_code"]) == ("job_finished", "pass", 0)
    assert [event["event"] for event in heard] == [event["event"] for event in events]
    assert sorted(path.name for path in (tmp_path / "nodes").iterdir()) == ["a1", "b1"]


def test_the_supervisor_knows_the_run_before_its_log_exists(run, written, tmp_path):
    """A kill leaves no log without an end, and no log of an earlier run to which one is added."""
    log, found = tmp_path / "events.jsonl", []
    log.write_text("of an earlier run\n")
    supervisor = create_autospec(Supervisor, instance=True)
    supervisor.add_run.side_effect = lambda *_: found.append(log.exists())
    run(lambda _node: None, supervisor=supervisor)
    assert found == [False]
    assert written()[0]["event"] == "job_started"


def test_a_board_that_fails_leaves_the_others_at_work(run, written):
    """A failed board does not stop the others; the worst exit code counts."""

    def work(node):
        if node.role == "a":
            raise BootError("no prompt")

    outcome = run(work)
    assert ends(outcome) == {
        "a1": ("error", "infrastructure", "no prompt"),
        "b1": ("pass", None, None),
    }
    assert written()[-1]["exit_code"] == 3


def test_an_essential_role_ends_the_others(run):
    """A failed node of an essential role cancels the others with the reason."""

    def work(node):
        if node.role == "a":
            raise BootError("no prompt")
        assert node.services.cancelled.wait(WAIT)
        node.step("on")

    outcome = run(work, Role("a", essential=True), Role("b"))
    status, kind, _ = ends(outcome)["b1"]
    assert (status, kind) == ("error", "cancelled")


def test_an_essential_role_that_passes_ends_none(run, written):
    """A passing node of an essential role cancels no others."""
    outcome = run(lambda _node: None, Role("a", essential=True), Role("b", essential=True))
    assert {status for status, _, _ in ends(outcome).values()} == {"pass"}
    assert [event for event in written() if event.get("level") == "WARNING"] == []


def test_an_interrupted_run_is_no_pass(run, written):
    """An interrupted run fails even if all actions had ended."""
    interruptions = Interruptions()

    def work(node):
        interruptions.interrupt()
        assert node.services.cancelled.wait(WAIT)

    run(work, interruptions=interruptions)
    assert written()[-1]["exit_code"] == 130


def test_an_interruption_ends_all_nodes(run, written):
    """Repeated interrupts end all nodes once, without an exception."""
    interruptions = Interruptions()

    def work(node):
        interruptions.interrupt()
        assert node.services.cancelled.wait(WAIT)
        interruptions.interrupt()
        node.step("on")

    outcome = run(work, interruptions=interruptions)
    assert {kind for _, kind, _ in ends(outcome).values()} == {"cancelled"}
    events = written()
    warnings = [event["text"] for event in events if event.get("level") == "WARNING"]
    assert warnings.count("the run was interrupted: switching the boards off") == 1
    assert events[-1]["exit_code"] == 130


@pytest.mark.parametrize(
    ("error", "kind", "said", "code"),
    [
        (InfrastructureError("no port is free"), "infrastructure", "no port is free", 3),
        (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), "infrastructure", "No space left", 3),
        (KeyboardInterrupt(), "cancelled", "the run was interrupted", 130),
    ],
)
def test_what_fails_before_there_are_nodes_is_each_nodes_end(
    run, written, monkeypatch, error, kind, said, code
):
    """A failure before the start is recorded for each node."""

    def fail(*_):
        raise error

    monkeypatch.setattr(module, "open_coordinator", fail)
    outcome = run(lambda _node: pytest.fail("no node runs"))
    assert [(status, type_) for status, type_, _ in ends(outcome).values()] == [
        ("error", kind)
    ] * 2
    assert all(said in text for _, _, text in ends(outcome).values())
    assert written()[-1]["exit_code"] == code


def test_a_fault_of_the_program_is_recorded_and_raised(run, written, monkeypatch):
    """A bug is recorded in the results and raised for the traceback."""

    def fail(*_):
        raise RuntimeError("left is right")

    monkeypatch.setattr(module, "open_coordinator", fail)
    with pytest.raises(RuntimeError, match="left is right"):
        run(lambda _node: None)
    ended = [event for event in written() if event["event"] == "node_finished"]
    assert {event["error_type"] for event in ended} == {"bug"}
    assert {event["error"] for event in ended} == {"RuntimeError: left is right"}
    assert written()[-1]["event"] == "job_finished"


def test_each_node_is_visited_at_its_end(run):
    """Each node is visited with its failure before its board is powered off."""
    seen = {}

    def work(node):
        if node.role == "a":
            raise BootError("no prompt")

    run(work, on_node_end=lambda node, failure: seen.update({node.name: str(failure)}))
    assert seen == {"a1": "no prompt", "b1": "None"}
