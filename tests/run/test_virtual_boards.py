"""The virtual boards of a run: creation, messages and end."""

from __future__ import annotations

import os
import select
from contextlib import ExitStack

import pytest

from lava_dispatcher_multinode.lab.device_model import Device
from lava_dispatcher_multinode.lab.device_sections import ConsoleConnection, QemuMachine
from lava_dispatcher_multinode.qemu.qemu_lab import EmulatedBoard
from lava_dispatcher_multinode.run.events import EventLog
from lava_dispatcher_multinode.run.virtual_boards import start_virtual_boards
from lava_dispatcher_multinode.simulator.simulated_lab import SimulatedBoard

from ..firmware import FIRMWARE

SERIAL = ConsoleConnection(serial="/dev/ttyUSB0")
SIMULATED = ConsoleConnection(simulated=True)
QEMU = ConsoleConnection(qemu=QemuMachine())


@pytest.fixture
def stack():
    """Return the exit stack of a run."""
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def made(tmp_path, stack):
    """Return a function that creates virtual boards; it returns them and the messages."""

    def make(*devices):
        log, told = EventLog(None, lambda: 0.0), []
        log.subscribe(lambda event: told.append((event["level"], event["text"])))
        # As everywhere: unconfined only where this host allows nothing better.
        boards = start_virtual_boards(devices, tmp_path, log, stack, unconfined=True)
        return boards, told

    return make


def device(name, connection):
    """Return a panda."""
    return Device(name, "panda", connection=connection, simulated_firmware=FIRMWARE["panda"])


def test_each_kind_is_made_and_no_other(made):
    """Only simulated and emulated boards are created, also in one job."""
    boards, told = made(device("a", SERIAL), device("b", SIMULATED), device("c", QEMU))
    assert {name: type(board) for name, board in boards.items()} == {
        "b": SimulatedBoard,
        "c": EmulatedBoard,
    }
    names = ["simulated boards", "emulated boards", "qemu-system-arm"]
    assert [text.partition(":")[0] for _, text in told] == names


def test_boards_know_all_of_their_kind(made):
    """All boards are created before they get the names of the others."""
    boards, _ = made(device("one", QEMU), device("two", QEMU))
    for board in boards.values():
        told = "\n".join(board.setup_commands())
        assert "\tone" in told
        assert "\ttwo" in told


def test_nothing_is_made_where_nothing_has_to_be(made, tmp_path):
    """A job on real boards starts no process and creates no directory."""
    assert made(device("a", SERIAL)) == ({}, [])
    assert not list(tmp_path.iterdir())


def test_a_fault_for_a_board_that_is_not_there(made, monkeypatch):
    """A fault for an unknown board is reported."""
    monkeypatch.setenv("LAVA_SIMULATED_FAULTS", "bb:panic=login")
    _, told = made(device("b", SIMULATED))
    (warning,) = [text for level, text in told if level == "WARNING"]
    assert "'bb'" in warning


def test_a_fault_that_was_never_due(made, stack, monkeypatch):
    """A fault that was not triggered is reported at the end."""
    monkeypatch.setenv("LAVA_SIMULATED_FAULTS", "a:hang=1000,panic=uboot;b:reboot=text:x")
    boards, told = made(device("a", SIMULATED), device("b", SIMULATED), device("c", SIMULATED))
    console = os.open(boards["a"].console, os.O_RDONLY | os.O_NOCTTY)
    boards["a"].power_on()
    printed = b""
    while b"Please RESET the board" not in printed:
        printed += os.read(console, 4096)
    os.close(console)
    for board in boards.values():
        board.power_off()
    assert not [text for level, text in told if level == "WARNING"]
    stack.close()
    assert [text for level, text in told if level == "WARNING"] == [
        f"the fault '{fault}' has not occurred before the end of the run"
        for fault in ("hang", "reboot")
    ]


def test_they_end_with_the_run(made, stack):
    """Boards and consoles end with the run."""
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
