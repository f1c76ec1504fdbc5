"""Boards that stay powered after a failure."""

from __future__ import annotations

import threading
from types import SimpleNamespace

import pytest

from lava_dispatcher_multinode.errors import BoardDied
from lava_dispatcher_multinode.run.pause import Pause

TIMEOUT_S = 10


class Interface:
    """A user interface that stays at a console until the test releases it."""

    def __init__(self):
        self.visited = []
        self.there = threading.Semaphore(0)
        self.leave = threading.Semaphore(0)
        self.came = []
        self.skip = ()

    def connect_console(self, board, pause):
        """Stay at the console."""
        self.visited.append(board.name)
        for name in self.skip:
            pause.mark_visited(name)
        self.there.release()
        assert self.leave.acquire(timeout=TIMEOUT_S)

    def announce(self, board):
        """Record the announcement."""
        self.came.append(board.name)


class Group:
    """The nodes of a run; each ends in a thread of its own."""

    def __init__(self, names, essential=()):
        self.interface = Interface()
        self.pause = Pause(self.interface)
        self.cancelled = threading.Event()
        self.left = {}
        self.events = []
        self.threads = {}
        self.roles = [SimpleNamespace(name=name, essential=name in essential) for name in names]
        self.emit("job_started", nodes=dict.fromkeys(names))

    def emit(self, event, **fields):
        """Stand for the event log."""
        self.events.append((event, fields.get("node")))
        self.pause.listen({"event": event, **fields})

    def fails(self, name, case="c"):
        """Have a test case fail."""
        self.emit("test_case", node=name, result="fail", definition="d", set=None, case=case)

    def ends(self, name, failure=None):
        """End a node."""
        services = SimpleNamespace(
            cancelled=self.cancelled,
            leave_group=self.left.__setitem__,
            emit=self.emit,
        )
        node = SimpleNamespace(
            name=name,
            role=name,
            services=services,
            job=SimpleNamespace(roles=self.roles),
            board=SimpleNamespace(shell=None, console=SimpleNamespace(watch=lambda _: None)),
        )

        def run():
            self.pause.on_node_end(node, failure)
            self.emit("node_finished", node=name)

        self.threads[name] = threading.Thread(target=run)
        self.threads[name].start()

    def off(self, *names):
        """Wait until these boards are released for power-off."""
        for name in names:
            self.threads[name].join(TIMEOUT_S)
            assert not self.threads[name].is_alive(), name

    def up(self, *names):
        """Return True if these boards are still powered."""
        return all(self.threads[name].is_alive() for name in names)


def test_without_a_failure_no_console_is_offered():
    """Nothing is visited over; the first waits for the last, which might need its board."""
    group = Group(["a", "b"])
    group.ends("a")
    group.ends("b")
    group.off("a", "b")
    assert not group.interface.visited
    assert group.left == {"a": None, "b": None}


@pytest.mark.parametrize("order", ["ab", "ba"])
def test_both_boards_stay_up_while_one_is_looked_at(order):
    """The order in which the nodes end does not matter."""
    group = Group(["a", "b"])
    group.fails("b")
    group.fails("b", "other")
    for name in order:
        group.ends(name)
    assert group.interface.there.acquire(timeout=TIMEOUT_S)
    assert [board.name for board in group.pause.other_boards("b")] in ([], ["a"])
    assert group.up("a", "b")
    group.interface.leave.release()
    group.off("a", "b")
    assert group.interface.visited == ["b"]
    assert group.left["b"] is None  # to the group it has ended: its run was no failure
    kinds = [event for event in group.events if event[0].startswith("pause")]
    assert kinds == [("pause_started", "b"), ("pause_finished", "b")]


def test_two_that_failed_come_one_after_the_other():
    """The second console follows when the user leaves the first."""
    group = Group(["a", "b"])
    group.ends("a", BoardDied("Kernel panic"))
    assert group.interface.there.acquire(timeout=TIMEOUT_S)
    group.ends("b", BoardDied("Oops"))
    assert group.interface.visited == ["a"]
    group.interface.leave.release()
    assert group.interface.there.acquire(timeout=TIMEOUT_S)
    assert group.interface.visited == ["a", "b"]
    assert group.up("a", "b")
    group.interface.leave.release()
    group.off("a", "b")
    assert group.left["a"] == str(BoardDied("Kernel panic"))


def test_what_was_looked_at_is_not_handed_over_again():
    """The user has visited it with Ctrl-^."""
    group = Group(["a", "b"])
    group.interface.skip = ("a", "b")
    group.ends("a", BoardDied("x"))
    assert group.interface.there.acquire(timeout=TIMEOUT_S)
    group.ends("b", BoardDied("y"))
    group.interface.leave.release()
    group.off("a", "b")
    assert group.interface.visited == ["a"]


def test_a_node_without_a_board_is_not_waited_for():
    """Its console could not be opened, or LAVA's dispatcher uses it."""
    group = Group(["a", "lava"])
    group.ends("a")
    assert group.up("a")
    group.emit("node_finished", node="lava")
    group.off("a")


def test_an_interrupted_run_does_not_wait():
    """A cancelled run ends all waits, and starts no new one."""
    group = Group(["a", "b", "c"])
    group.ends("a")
    group.cancelled.set()
    group.emit("log", node=None, level="WARNING", text="interrupted")
    group.off("a")
    group.ends("b", BoardDied("x"))
    group.off("b")
    assert not group.interface.visited


def test_an_essential_role_ends_the_others_when_it_was_looked_at():
    """The node does not wait for the others: its end ends them."""
    group = Group(["a", "b"], essential=("a",))
    group.ends("a", BoardDied("x"))
    assert group.interface.there.acquire(timeout=TIMEOUT_S)
    assert group.up("a")
    group.interface.leave.release()
    group.off("a")
