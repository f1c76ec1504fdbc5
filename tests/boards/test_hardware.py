"""What a board is reached by: its console, its switch, its card."""

from __future__ import annotations

import os
import pty
from contextlib import nullcontext
from pathlib import Path

import pytest

from lava_dispatcher_multinode.boards.hardware import VirtualSwitch, connect
from lava_dispatcher_multinode.errors import ConsoleError
from lava_dispatcher_multinode.lab.device_model import (
    Connection,
    Deploy,
    Device,
    Power,
    QemuMachine,
)


class Made:
    """A board that is made for a run: a real terminal, and a record of its switching."""

    root = "/boards/b1"
    card = Path("/boards/b1.img")

    def __init__(self, console):
        self.console = Path(console)
        self.switched = []
        self.known_off = False
        self.turned = []

    def power_on(self):
        """Note it."""
        self.switched.append("on")

    def power_off(self):
        """Note it."""
        self.switched.append("off")

    def turn(self, deadline):
        """Note it."""
        self.turned.append(deadline)
        return nullcontext()

    def introduction(self):
        """Return a command."""
        return ("hostname b1",)


@pytest.fixture
def made():
    """A made board; its far end is a pty."""
    far, near = pty.openpty()
    board = Made(os.ttyname(near))
    board.far = far
    yield board
    os.close(far)
    os.close(near)


def test_a_made_board_is_reached_by_what_it_is_made_of(made):
    """Its terminal is the console, its file the card, whatever the device file says of either."""
    device = Device("b1", "panda", deploy=Deploy("media", path="/dev/sdx"))
    hardware = connect(device, made)
    os.write(made.far, b"hello")
    assert hardware.transport.read() == b"hello"
    hardware.transport.close()
    hardware.transport.release()
    assert (hardware.card, hardware.root) == ("/boards/b1.img", "/boards/b1")
    assert hardware.introduction() == ("hostname b1",)
    hardware.switch.off()
    assert made.switched == ["off"]
    with hardware.turn("deadline"):
        assert made.turned == ["deadline"]


def test_a_board_of_a_lab_is_reached_by_its_device_file(tmp_path):
    """The card is at its path; there is no turn to wait for, and nothing to tell the board."""
    device = Device(
        "b1",
        "panda",
        connection=Connection(command="echo hello; exec cat"),
        power=Power(on=f"touch {tmp_path}/on", off="true"),
        deploy=Deploy("media", path="/dev/sdx"),
    )
    hardware = connect(device, None)
    assert hardware.transport.read() == b"hello\n"
    hardware.transport.close()
    hardware.transport.release()
    assert (hardware.card, hardware.root, hardware.introduction()) == ("/dev/sdx", "", ())
    assert not (tmp_path / "on").exists(), "its power is still as it was"
    hardware.switch.on()
    assert (tmp_path / "on").exists()
    with hardware.turn("deadline"):
        pass


def test_a_board_without_a_switch_has_none():
    """A made-up one would seem to switch it off."""
    hardware = connect(Device("b1", "panda", connection=Connection(command="exec cat")), None)
    hardware.transport.close()
    hardware.transport.release()
    assert hardware.switch is None


@pytest.mark.parametrize(
    "connection", [Connection(simulated=True), Connection(qemu=QemuMachine())]
)
def test_a_board_of_a_runs_own_that_was_not_started(connection):
    """By hand, say: outside of a run it is nowhere, and the message names it."""
    with pytest.raises(ConsoleError, match="^b1: is a board of a run's own, and was not started$"):
        connect(Device("b1", "panda", connection=connection), None)


def test_the_switch_of_a_process(made):
    """A cycle is off, then on; it is worth a check only while the board may run."""
    switch = VirtualSwitch(made)
    switch.cycle()
    switch.on()
    switch.off()
    assert made.switched == ["off", "on", "on", "off"]
    assert switch.worth_checking
    made.known_off = True
    assert not switch.worth_checking
