"""What sections of the device model derive from their keys."""

import pytest

from lava_dispatcher_multinode.lab.device_sections import (
    ConsoleConnection,
    QemuMachine,
    SimulatedFirmware,
)

from ..firmware import FIRMWARE


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


def test_prompts_of_2013():
    """The prompts contain what the configuration of 2013 waits for."""
    assert FIRMWARE["panda"].prompt.startswith("Panda # ")
    assert FIRMWARE["beaglexm"].prompt.startswith("OMAP3 beagleboard.org # ")


@pytest.mark.parametrize("firmware", [SimulatedFirmware(), *FIRMWARE.values()])
def test_the_banner_has_a_version(firmware):
    """The command `version` prints that line; the schema requires it."""
    assert any(line.startswith("U-Boot ") for line in firmware.banner.splitlines())
