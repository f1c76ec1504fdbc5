"""What each of U-Boot's commands is for."""

from lava_dispatcher_multinode.simulator.uboot.uboot_commands import COMMANDS
from lava_dispatcher_multinode.simulator.uboot.uboot_usage import USAGE


def test_every_command_is_described():
    """help would stop U-Boot otherwise."""
    assert USAGE.keys() == COMMANDS.keys()


def test_how_a_command_is_used(u_boot):
    """What it is for, and its name."""
    assert "run - run commands in an environment variable\n\nUsage:\nrun " in u_boot("run")
