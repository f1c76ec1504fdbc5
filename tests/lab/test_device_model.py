"""What a device file says, where it is more than its keys."""

from pathlib import Path

import pytest

from lava_dispatcher_multinode.lab.device_model import Connection, Deploy, Device, QemuMachine


@pytest.mark.parametrize(
    ("connection", "made"),
    [
        (Connection(), False),
        (Connection(command="telnet h 23"), False),
        (Connection(serial="/dev/ttyUSB0"), False),
        (Connection(simulated=True), True),
        (Connection(qemu=QemuMachine()), True),  # all its keys have defaults
    ],
)
def test_which_boards_are_made_for_a_run(connection, made):
    """They need no lock and cannot be had by hand; a board of a lab does and can."""
    assert connection.is_virtual is made


def test_messages_name_the_file_or_else_the_device():
    """A board of `--simulate` has no file to be named."""
    assert Device("b1", "panda").place == "b1"
    assert Device("b1", "panda", file=Path("/lab/b1.yaml")).place == "/lab/b1.yaml"


def test_an_empty_device_file_names_no_hardware():
    """No path to write to, no console to open, no password: a default would be another board's."""
    device = Device("b1", "panda")
    assert device.deploy == Deploy(method=None)
    assert device.login.password is None
    assert device.connection == Connection()
    assert device.host == "own"
