"""What the device model derives from the keys."""

from pathlib import Path

import pytest

from lava_dispatcher_multinode.lab.device_model import Connection, Deploy, Device, QemuMachine


@pytest.mark.parametrize(
    ("connection", "virtual"),
    [
        (Connection(), False),
        (Connection(command="telnet h 23"), False),
        (Connection(serial="/dev/ttyUSB0"), False),
        (Connection(simulated=True), True),
        (Connection(qemu=QemuMachine()), True),  # all its keys have defaults
    ],
)
def test_which_boards_are_virtual(connection, virtual):
    """They need no lock, and no command reaches them outside a run."""
    assert connection.is_virtual is virtual


def test_messages_name_the_file_or_else_the_device():
    """A board of `--simulate` has no file."""
    assert Device("b1", "panda").place == "b1"
    assert Device("b1", "panda", file=Path("/lab/b1.yaml")).place == "/lab/b1.yaml"


def test_an_empty_device_file_names_no_hardware():
    """No path, console or password: a default could be that of another board."""
    device = Device("b1", "panda")
    assert device.deploy == Deploy(method=None)
    assert device.login.password is None
    assert device.connection == Connection()
    assert device.host == "own"
