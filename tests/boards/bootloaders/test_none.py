"""Boards that boot by themselves."""

from __future__ import annotations

import pytest

from lava_dispatcher_multinode.boards.bootloaders.none import NoBootLoader
from lava_dispatcher_multinode.console.expect import Dialogue
from lava_dispatcher_multinode.deadline import Deadline
from lava_dispatcher_multinode.errors import BootError
from lava_dispatcher_multinode.lab.device_sections import Boot


def start(console, **boot):
    """Start the board whose output a script prints; return the console's lines."""
    loader = NoBootLoader(Dialogue(console), Boot(**boot), Deadline(30.0, "test"))
    loader.interrupt(spam=True)
    assert loader.start("") is True
    return console.tail()


@pytest.mark.parametrize(
    "output",
    [
        "BIOS\\r\\nPress any key\\r\\n[    0.000000] Linux version 6.1\\r\\n",
        "\\r\\nDebian GNU/Linux 12 pc ttyS0\\r\\n\\r\\npc login: ",
        "\\r\\n[    1.234567] usb 1-1: new device\\r\\n",
    ],
    ids=["kernel", "login", "quiet kernel"],
)
def test_the_board_starts_without_a_key(console_of, output):
    """A kernel line or a login prompt is enough; nothing is typed, or the board would echo it."""
    script = (
        f"stty raw -echo; printf '{output}'; dd bs=1 count=1 2>/dev/null | od -An -tx1; sleep 9"
    )
    assert not any("03" in line or "0d" in line for line in start(console_of(script)))


def test_another_text_shows_the_start(console_of):
    """boot.kernel_start may be the prompt of a shell that a quiet board prints first."""
    start(console_of("printf '\\r\\n/ # '; sleep 9"), kernel_start="/ # ")


def test_a_board_that_does_not_boot_is_named(console_of):
    """The limit names both keys, the hint what to check; the last lines are quoted."""
    with pytest.raises(BootError, match=r"boots by itself.*(?s:.*)No bootable device") as error:
        start(
            console_of("printf '\\r\\nNo bootable device\\r\\n'; sleep 9"),
            autoboot_timeout=0.2,
            kernel_timeout=0.2,
        )
    assert "boot.autoboot_timeout and boot.kernel_timeout" in str(error.value)


def test_no_command_is_typed():
    """Commands and network boots are errors."""
    with pytest.raises(BootError, match="'boot'"):
        NoBootLoader.check_command("boot")
    with pytest.raises(BootError, match="no files are fetched"):
        NoBootLoader.network_commands(None)
