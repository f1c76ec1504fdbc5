"""Console, power switch and card of a board."""

from __future__ import annotations

import os
import pty
from contextlib import nullcontext
from pathlib import Path

import pytest

from lava_dispatcher_multinode.boards.hardware import VirtualSwitch, connect
from lava_dispatcher_multinode.errors import ConsoleError
from lava_dispatcher_multinode.lab.deploy_sections import Deploy
from lava_dispatcher_multinode.lab.device_model import Device
from lava_dispatcher_multinode.lab.device_sections import ConsoleConnection, Power, QemuMachine


class Virtual:
    """A virtual board: a real terminal, and a record of power commands."""

    root = "/boards/b1"
    card = Path("/boards/b1.img")

    def __init__(self, console):
        self.console = Path(console)
        self.switched = []
        self.known_off = False
        self.slots = []

    def power_on(self):
        """Note it."""
        self.switched.append("on")

    def power_off(self):
        """Note it."""
        self.switched.append("off")

    def boot_slot(self, deadline):
        """Note it."""
        self.slots.append(deadline)
        return nullcontext()

    def setup_commands(self):
        """Return a command."""
        return ("hostname b1",)


@pytest.fixture
def virtual():
    """Return a virtual board whose console is a pty."""
    far, near = pty.openpty()
    board = Virtual(os.ttyname(near))
    board.far = far
    yield board
    os.close(far)
    os.close(near)


def test_a_virtual_board_brings_its_own_hardware(virtual):
    """Its terminal is the console and its file the card; the device file does not matter."""
    device = Device("b1", "panda", deploy=Deploy("media", path="/dev/sdx"))
    hardware = connect(device, virtual)
    os.write(virtual.far, b"hello")
    assert hardware.transport.read() == b"hello"
    hardware.transport.close()
    hardware.transport.release()
    assert (hardware.card, hardware.root) == ("/boards/b1.img", "/boards/b1")
    assert hardware.setup_commands() == ("hostname b1",)
    hardware.switch.off()
    assert virtual.switched == ["off"]
    with hardware.boot_slot("deadline"):
        assert virtual.slots == ["deadline"]


def test_a_board_of_a_lab_has_the_hardware_of_its_device_file(tmp_path):
    """The card is deploy.path; boots are not limited, and there are no setup commands."""
    device = Device(
        "b1",
        "panda",
        connection=ConsoleConnection(command="echo hello; exec cat"),
        power=Power(on=f"touch {tmp_path}/on", off="true"),
        deploy=Deploy("media", path="/dev/sdx"),
    )
    hardware = connect(device, None)
    assert hardware.transport.read() == b"hello\n"
    hardware.transport.close()
    hardware.transport.release()
    assert (hardware.card, hardware.root, hardware.setup_commands()) == ("/dev/sdx", "", ())
    assert not (tmp_path / "on").exists(), "its power is still as it was"
    hardware.switch.on()
    assert (tmp_path / "on").exists()
    with hardware.boot_slot("deadline"):
        pass


def test_a_board_without_a_switch_has_none():
    """A substitute would seem to switch the board off."""
    hardware = connect(
        Device("b1", "panda", connection=ConsoleConnection(command="exec cat")), None
    )
    hardware.transport.close()
    hardware.transport.release()
    assert hardware.switch is None


@pytest.mark.parametrize(
    "connection", [ConsoleConnection(simulated=True), ConsoleConnection(qemu=QemuMachine())]
)
def test_a_virtual_board_that_was_not_started(connection):
    """Outside a run it has no console; the message names it."""
    with pytest.raises(ConsoleError, match="^b1: is a virtual board, and was not started$"):
        connect(Device("b1", "panda", connection=connection), None)


def test_the_switch_of_a_virtual_board(virtual):
    """A cycle is off, then on; a check is useful only while a process may run."""
    switch = VirtualSwitch(virtual)
    switch.cycle()
    switch.on()
    switch.off()
    assert virtual.switched == ["off", "on", "on", "off"]
    assert switch.worth_checking
    virtual.known_off = True
    assert not switch.worth_checking
