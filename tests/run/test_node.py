"""A node's actions, on a board that consists of a console and power control."""

from __future__ import annotations

import errno
import os
import threading
import time
from contextlib import nullcontext
from pathlib import Path

import pytest

from lava_dispatcher_multinode import plugins
from lava_dispatcher_multinode.actions.context import NodeServices
from lava_dispatcher_multinode.errors import BootError, TestError
from lava_dispatcher_multinode.job.model import ActionSpec, Job, Position, Role
from lava_dispatcher_multinode.lab.device_model import Device
from lava_dispatcher_multinode.lab.device_sections import ConsoleConnection
from lava_dispatcher_multinode.run import node as module
from lava_dispatcher_multinode.run.node import BoardNode
from lava_dispatcher_multinode.run.node_runner import run_to_end

DEVICE = Device("panda01", "panda", connection=ConsoleConnection(simulated=True))


class Board:
    """A virtual board that is powered from the start."""

    root = ""
    known_off = False

    def __init__(self, console, card):
        self.console, self.card = console, card

    def power_on(self):
        """Switch the power on."""
        self.known_off = False

    def power_off(self):
        """Switch the power off."""
        self.known_off = True

    def boot_slot(self, deadline):
        """Allow a boot at any time."""
        return nullcontext()

    def setup_commands(self):
        """Return no commands."""
        return ()


@pytest.fixture
def board(tmp_path):
    """A board with a tty for a console."""
    master, slave = os.openpty()
    yield Board(Path(os.ttyname(slave)), tmp_path / "card.img")
    os.close(master)
    os.close(slave)


@pytest.fixture
def run(board, tmp_path, monkeypatch):
    """Return a function that runs actions, each a function of the node; it returns the end."""
    monkeypatch.setattr(module, "CRASH_OUTPUT_S", 0.05)
    events = []

    def run(*works, cancelled=False, timeout=None, visit=None, leave=None):
        known = {f"a{number}": work for number, work in enumerate(works)}
        place = {(): Position("job.json", 7)}
        specs = [ActionSpec(name, timeout=timeout, positions=place) for name in known]
        monkeypatch.setattr(plugins, "action", lambda name: Action(known[name]))
        job = Job("job", 60, (Role("r"),), tuple(specs), file="job.json")
        services = NodeServices(
            job,
            "1",
            [("panda01", "r")],
            None,
            None,
            lambda event, /, **fields: events.append({"event": event, **fields}),
            time.monotonic,
            None,
            leave or (lambda _node, _failure: None),
        )
        if cancelled:
            services.cancelled.set()
        # Such a run's actions make no calls: its member is not asked anything.
        node = BoardNode(
            DEVICE, "r", board, object(), services, tmp_path / "panda01", lambda _: None, visit
        )
        run.node = node
        run_to_end(node, services.emit)
        return events[-1]

    run.events = events
    return run


class Action:
    """An action that calls a function of the test."""

    def __init__(self, work):
        self._work = work

    def run(self, node, parameters):
        """Call the function."""
        self._work(node)


def fails(error):
    """Return a function that raises this failure."""

    def work(_node):
        raise error

    return work


def statuses(run):
    """Return the status of each action, in order."""
    return [event["status"] for event in run.events if event["event"] == "action_finished"]


def test_actions_in_order_and_off_at_the_end(run, board):
    """Start and end of each action and of the node are events; the board is off."""
    done = []
    ending = run(*(lambda node: done.append(node.spec.command) for _ in range(2)))
    assert done == ["a0", "a1"]
    assert ending["status"] == "pass"
    kinds = [event["event"] for event in run.events]
    assert kinds == ["action_started", "action_finished"] * 2 + ["node_finished"]
    assert board.known_off


def test_after_a_failure_the_rest_is_skipped(run, board):
    """After a failure, the other actions are skipped and the board is off."""
    ending = run(fails(BootError("no login prompt")), lambda _: pytest.fail("it is skipped"))
    assert statuses(run) == ["error", "skipped"]
    assert (ending["status"], ending["error_type"]) == ("error", "infrastructure")
    assert ending["error"] == "no login prompt"
    assert board.known_off


def test_a_test_s_failure_is_no_error(run):
    """A test failure has status `fail` and exit code 1."""
    ending = run(fails(TestError("the tests have not ended")))
    assert (ending["status"], ending["error_type"]) == ("fail", "test")
    assert statuses(run) == ["fail"]


def test_a_bug_is_reported_with_its_place(run, board):
    """A bug's traceback is in the log, which the message names."""
    ending = run(fails(ZeroDivisionError("division by zero")))
    assert (ending["status"], ending["error_type"]) == ("error", "bug")
    assert ending["error"].startswith("ZeroDivisionError: division by zero (")
    (log,) = [event for event in run.events if event["event"] == "log"]
    assert log["level"] == "CRITICAL"
    assert "Traceback" in log["text"]
    assert board.known_off


def test_a_plug_in_that_exits_ends_its_node_only(run, board):
    """SystemExit in a plug-in ends only its node."""
    ending = run(fails(SystemExit(1)))
    assert (ending["status"], ending["error_type"]) == ("error", "bug")
    assert board.known_off


def test_what_the_host_lacks_is_no_bug(run):
    """A full disk is reported as such, with a hint."""
    ending = run(fails(OSError(errno.ENOSPC, "No space left on device", "/x")))
    assert (ending["error_type"], ending["status"]) == ("infrastructure", "error")
    assert ending["error"].startswith("panda01: /x: No space left on device: free space")


def test_a_cancelled_run_begins_nothing(run, board):
    """After a cancellation, actions are skipped and the board is off."""
    ending = run(lambda _: pytest.fail("it is skipped"), cancelled=True)
    assert statuses(run) == ["skipped"]
    assert ending["error_type"] == "cancelled"
    assert board.known_off


def test_an_action_s_deadline_names_its_place(run):
    """A timeout names the job's limit or the action's, with its line."""
    seen = []
    run(lambda node: seen.append(str(node.deadline)))
    run(lambda node: seen.append(str(node.deadline)), timeout=5)
    assert seen == ["60 s (the job's timeout, job.json)", "5 s (the timeout of a0, job.json:7)"]


def test_a_visit_finds_the_board_powered(run, board):
    """A visit at the node's end gets its failure while the board is powered."""
    seen = []

    def visit(node, failure):
        seen.append((type(failure), board.known_off))

    run(lambda _: None, visit=visit)
    board.known_off = False
    run(fails(BootError("x")), visit=visit)
    assert seen == [(type(None), False), (BootError, False)]


def test_the_group_is_notified_before_the_power_off(run, board):
    """Peers are notified before the board is powered off, which may take minutes."""
    told = []

    def leave(name, failure):
        told.append((name, failure, board.known_off))

    run(lambda _: None, leave=leave)
    board.known_off = False
    run(fails(BootError("it died")), leave=leave)
    assert told == [("panda01", None, False), ("panda01", "it died", False)]


def test_a_console_that_cannot_be_recorded(run, board, tmp_path):
    """A node whose console cannot be recorded fails and names the file."""
    (tmp_path / "panda01").write_text("in the way")
    ending = run(lambda _: pytest.fail("it is not begun"))
    assert ending["error_type"] == "infrastructure"
    assert "panda01: cannot record the console: " in ending["error"]


def test_cancel_ends_what_waits_for_the_console(run):
    """A cancellation ends a wait for the console, with the reason."""

    def work(node):
        thread = threading.Thread(target=run.node.cancel, args=("the user said so",))
        thread.start()
        try:
            node.board.console.read(60)
        finally:
            thread.join()

    ending = run(work)
    assert (ending["error_type"], ending["error"]) == ("cancelled", "the user said so")
