"""Boards that stay up when a node has failed."""

from __future__ import annotations

import threading
from types import SimpleNamespace

import pytest

from lava_dispatcher_multinode.errors import BoardDied
from lava_dispatcher_multinode.run.pause import Pause

WAIT = 10  # seconds until something that must come counts as lost


class Desk:
    """Somebody who looks at a board until told to leave it."""

    def __init__(self):
        self.handed = []
        self.there = threading.Semaphore(0)
        self.leave = threading.Semaphore(0)
        self.came = []
        self.skip = ()

    def connect_console(self, board, pause):
        """Look."""
        self.handed.append(board.name)
        for name in self.skip:
            pause.seen(name)
        self.there.release()
        assert self.leave.acquire(timeout=WAIT)

    def announce(self, board):
        """Hear."""
        self.came.append(board.name)


class Group:
    """The nodes of a run; each visits in a thread of its own."""

    def __init__(self, names, essential=()):
        self.desk = Desk()
        self.pause = Pause(self.desk)
        self.cancelled = threading.Event()
        self.left = {}
        self.events = []
        self.threads = {}
        self.roles = [SimpleNamespace(name=name, essential=name in essential) for name in names]
        self.emit("job_started", nodes=dict.fromkeys(names))

    def emit(self, event, **fields):
        """Be the event log."""
        self.events.append((event, fields.get("node")))
        self.pause.listen({"event": event, **fields})

    def fails(self, name, case="c"):
        """Have a test case fail."""
        self.emit("test_case", node=name, result="fail", definition="d", set=None, case=case)

    def ends(self, name, failure=None):
        """Have a node come to its end."""
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
        """Wait until these boards may be switched off."""
        for name in names:
            self.threads[name].join(WAIT)
            assert not self.threads[name].is_alive(), name

    def up(self, *names):
        """Whether these boards are still up."""
        return all(self.threads[name].is_alive() for name in names)


def test_nobody_fails():
    """Nothing is handed over; the first waits for the last, which might need its board."""
    group = Group(["a", "b"])
    group.ends("a")
    group.ends("b")
    group.off("a", "b")
    assert not group.desk.handed
    assert group.left == {"a": None, "b": None}


@pytest.mark.parametrize("order", ["ab", "ba"])
def test_both_boards_stay_up_while_one_is_looked_at(order):
    """Whichever came to its end first."""
    group = Group(["a", "b"])
    group.fails("b")
    group.fails("b", "other")
    for name in order:
        group.ends(name)
    assert group.desk.there.acquire(timeout=WAIT)
    assert [board.name for board in group.pause.others("b")] in ([], ["a"])
    assert group.up("a", "b")
    group.desk.leave.release()
    group.off("a", "b")
    assert group.desk.handed == ["b"]
    assert group.left["b"] is None  # to the group it has ended: its run was no failure
    kinds = [event for event in group.events if event[0].startswith("pause")]
    assert kinds == [("pause_started", "b"), ("pause_finished", "b")]


def test_two_that_failed_come_one_after_the_other():
    """The second when the first is left."""
    group = Group(["a", "b"])
    group.ends("a", BoardDied("Kernel panic"))
    assert group.desk.there.acquire(timeout=WAIT)
    group.ends("b", BoardDied("Oops"))
    assert group.desk.handed == ["a"]
    group.desk.leave.release()
    assert group.desk.there.acquire(timeout=WAIT)
    assert group.desk.handed == ["a", "b"]
    assert group.up("a", "b")
    group.desk.leave.release()
    group.off("a", "b")
    assert group.left["a"] == str(BoardDied("Kernel panic"))


def test_what_was_looked_at_is_not_handed_over_again():
    """Who went there with Ctrl-^ has seen it."""
    group = Group(["a", "b"])
    group.desk.skip = ("a", "b")
    group.ends("a", BoardDied("x"))
    assert group.desk.there.acquire(timeout=WAIT)
    group.ends("b", BoardDied("y"))
    group.desk.leave.release()
    group.off("a", "b")
    assert group.desk.handed == ["a"]


def test_a_node_without_a_board_is_not_waited_for():
    """Its console could not be opened, or LAVA's dispatcher has it."""
    group = Group(["a", "lava"])
    group.ends("a")
    assert group.up("a")
    group.emit("node_finished", node="lava")
    group.off("a")


def test_an_interrupted_run_waits_for_nobody():
    """The event that says so wakes whoever stays; who comes later does not begin to."""
    group = Group(["a", "b", "c"])
    group.ends("a")
    group.cancelled.set()
    group.emit("log", node=None, level="WARNING", text="interrupted")
    group.off("a")
    group.ends("b", BoardDied("x"))
    group.off("b")
    assert not group.desk.handed


def test_an_essential_role_ends_the_others_when_it_was_looked_at():
    """It does not wait for them: its end is what ends them."""
    group = Group(["a", "b"], essential=("a",))
    group.ends("a", BoardDied("x"))
    assert group.desk.there.acquire(timeout=WAIT)
    assert group.up("a")
    group.desk.leave.release()
    group.off("a")
