"""The hint that the commands of the device type do not fit the card."""

from __future__ import annotations

import pytest

from lava_dispatcher_multinode import device_types
from lava_dispatcher_multinode.boards.card_hint import HINT, with_card_hint
from lava_dispatcher_multinode.boards.driver import BootCommandFailed
from lava_dispatcher_multinode.errors import BootError
from lava_dispatcher_multinode.lab.deploy_sections import Deploy
from lava_dispatcher_multinode.lab.device_model import Device

COMMANDS = device_types.defaults("panda")["boot"]["commands"]


@pytest.mark.parametrize(
    ("deploy", "commands", "error", "hinted"),
    [
        (Deploy("media"), COMMANDS, BootCommandFailed("x\nlast", COMMANDS[-1]), True),
        (Deploy("media"), COMMANDS, BootCommandFailed("x", COMMANDS[0]), False),
        (Deploy("none"), COMMANDS, BootCommandFailed("x", COMMANDS[0]), True),
        (Deploy("media", layout="image"), COMMANDS, BootCommandFailed("x", "?"), True),
        (Deploy("none"), ["boot"], BootCommandFailed("x", "boot"), False),
        (Deploy("none"), COMMANDS, BootError("x"), False),
    ],
)
def test_the_hint_is_for_default_commands_only(deploy, commands, error, hinted):
    """The command that failed and the card decide; the hint ends the first line."""
    text = with_card_hint(Device("p1", "panda", deploy=deploy), commands, error)
    first, *rest = str(error).splitlines()
    assert text.splitlines() == [f"{first}; {HINT}" if hinted else first, *rest]
