"""The commands of the simulated U-Boot and its variables."""

import pytest

from lava_dispatcher_multinode.simulator.faults import Reset
from lava_dispatcher_multinode.simulator.uboot.uboot_commands import COMMANDS


@pytest.mark.parametrize("command", sorted(set(COMMANDS) - {"reset", "boot", "bootd"}))
def test_without_arguments(u_boot, card, command):
    """U-Boot survives every command without arguments."""
    assert "\nalive\n" in u_boot(command, "echo alive", card=card)


def test_reset(u_boot):
    """`reset` restarts the board."""
    with pytest.raises(Reset):
        u_boot("reset")


def test_saveenv_where_there_is_a_place(u_boot):
    """On the beaglexm, `saveenv` keeps the environment over a reset."""
    u_boot("setenv mine 1", "saveenv", model="beaglexm")
    assert u_boot.board.saved["mine"] == "1"


def test_printenv(u_boot):
    """`printenv` prints the whole environment and its size."""
    answer = u_boot("printenv")
    assert "bootdelay=3\n" in answer
    assert "Environment size: " in answer


def test_variables_are_executed(u_boot):
    """`run` executes variables in order; `boot` executes `bootcmd`."""
    assert "a\nb\n" in u_boot("setenv x echo a", "setenv y echo b", "run x y")
    assert "mine\n" in u_boot("setenv bootcmd echo mine", "boot")


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ("dhcp", "No ethernet found."),
        ("tftp 0x80200000 uImage", "No ethernet found."),
        ("run", "Usage:\nrun "),
        ("run nothing", '## Error: "nothing" not defined'),
        ("setenv", "Usage:\nsetenv "),
        ("setenv a=b c", "illegal character '='"),
        ("saveenv", "Unknown command 'saveenv'"),
        ("printenv nothing", '## Error: "nothing" not defined'),
    ],
)
def test_failures(u_boot, card, command, answer):
    """A failed command prints the message of U-Boot and returns 1."""
    printed = u_boot(command, "echo status $?", card=card)
    assert answer in printed
    assert "\nstatus 1\n" in printed
