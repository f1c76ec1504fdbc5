"""What sections of the device model derive from their keys."""

import pytest

from lava_dispatcher_multinode.lab.device_sections import ConsoleConnection, QemuMachine


@pytest.mark.parametrize(
    ("connection", "virtual"),
    [
        (ConsoleConnection(), False),
        (ConsoleConnection(command="telnet h 23"), False),
        (ConsoleConnection(serial="/dev/ttyUSB0"), False),
        (ConsoleConnection(simulated=True), True),
        (ConsoleConnection(qemu=QemuMachine()), True),  # all its keys have defaults
    ],
)
def test_which_boards_are_virtual(connection, virtual):
    """They need no lock, and no command reaches them outside a run."""
    assert connection.is_virtual is virtual
