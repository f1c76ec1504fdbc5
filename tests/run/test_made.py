"""The boards that a run makes itself: of which kind, what is said of them, and their end."""

from __future__ import annotations

import os
import select
from contextlib import ExitStack

import pytest

from lava_dispatcher_multinode.boards.emulated.lab import EmulatedBoard
from lava_dispatcher_multinode.boards.simulated.lab import SimulatedBoard
from lava_dispatcher_multinode.lab.device import Connection, Device, QemuMachine
from lava_dispatcher_multinode.run.events import EventLog
from lava_dispatcher_multinode.run.made import make_boards

SERIAL = Connection(serial="/dev/ttyUSB0")
SIMULATED = Connection(simulated=True)
QEMU = Connection(qemu=QemuMachine())


@pytest.fixture
def stack():
    """What a run leaves at its end."""
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def made(tmp_path, stack):
    """A function that makes the boards of `devices`; it returns them and what was told."""

    def make(*devices):
        log, told = EventLog(None, lambda: 0.0), []
        log.subscribe(told.append)
        # As everywhere: unconfined only where this host allows nothing better.
        boards = make_boards(devices, tmp_path, log, stack, unconfined=True)
        return boards, [(event["level"], event["text"]) for event in told]

    return make


def device(name, connection):
    """Return a panda."""
    return Device(name, "panda", connection=connection)


def test_each_kind_is_made_and_no_other(made):
    """Boards on the bench are left alone; simulated and emulated ones may be in one job."""
    boards, told = made(device("a", SERIAL), device("b", SIMULATED), device("c", QEMU))
    assert {name: type(board) for name, board in boards.items()} == {
        "b": SimulatedBoard,
        "c": EmulatedBoard,
    }
    assert [text.partition(":")[0] for _, text in told] == ["simulated boards", "emulated boards"]


def test_boards_know_all_of_their_kind(made):
    """All are made before the first is told who the others are."""
    boards, _ = made(device("one", QEMU), device("two", QEMU))
    for board in boards.values():
        told = "\n".join(board.introduction())
        assert "\tone" in told
        assert "\ttwo" in told


def test_nothing_is_made_where_nothing_has_to_be(made, tmp_path):
    """A job on the bench starts no process, makes no directory and says nothing."""
    assert made(device("a", SERIAL)) == ({}, [])
    assert not list(tmp_path.iterdir())


def test_a_fault_for_a_board_that_is_not_there(made, monkeypatch):
    """A misspelt name in the environment would be a fault that never happens: it is told."""
    monkeypatch.setenv("LAVA_SIMULATED_FAULTS", "bb:panic=login")
    _, told = made(device("b", SIMULATED))
    (warning,) = [text for level, text in told if level == "WARNING"]
    assert "'bb'" in warning


def test_they_are_gone_with_the_run(made, stack):
    """Consoles too: who still has one open is told that there is nobody any more."""
    boards, _ = made(device("b", SIMULATED), device("c", QEMU))
    with ExitStack() as consoles:
        hung_up = select.poll()
        for board in boards.values():
            console = os.open(board.console, os.O_RDWR | os.O_NOCTTY)
            consoles.callback(os.close, console)
            hung_up.register(console, 0)
        assert not hung_up.poll(0)
        stack.close()
        assert [what & select.POLLHUP for _, what in hung_up.poll(0)] == [select.POLLHUP] * 2
