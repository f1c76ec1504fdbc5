"""What U-Boot's commands do and say."""

import pytest

from lava_dispatcher_multinode.simulator.fault_injection import Reset
from lava_dispatcher_multinode.simulator.uboot.uboot_commands import COMMANDS


def test_help_knows_every_command(u_boot):
    """help lists what there is; each has a line of its own."""
    answer = u_boot("help")
    assert all(f"\n{name}" in answer for name in COMMANDS)
    assert "bootm - boot application image from memory" in u_boot("help bootm")


@pytest.mark.parametrize("command", sorted(set(COMMANDS) - {"reset", "boot", "bootd"}))
def test_without_arguments(u_boot, card, command):
    """No command breaks U-Boot when it is given nothing."""
    assert "\nalive\n" in u_boot(command, "echo alive", card=card)


def test_reset(u_boot):
    """reset starts the board again."""
    with pytest.raises(Reset):
        u_boot("reset")


def test_version(u_boot):
    """version says which U-Boot this is."""
    assert "\nU-Boot 2012.10 " in u_boot("version")


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ("dhcp", "No ethernet found."),
        ("tftp 0x80200000 uImage", "No ethernet found."),
        ("help nothing", "Unknown command 'nothing'"),
    ],
)
def test_failures(u_boot, card, command, answer):
    """A command that fails says what U-Boot says, and its status is not 0."""
    printed = u_boot(command, "echo status $?", card=card)
    assert answer in printed
    assert "\nstatus 1\n" in printed
