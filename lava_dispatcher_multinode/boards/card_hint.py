"""The hint for a boot whose commands, those of the device type, do not fit the card."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import device_types
from .driver import BootCommandFailed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..lab.device_model import Device

HINT = (
    "boot.commands are the defaults of the device type, for files in partition 3 as in 2013: set "
    "the commands that boot this card"
)


def with_card_hint(device: Device, commands: Sequence[str], error: Exception) -> str:
    """Return the text of `error`, with a hint if a default command failed because of the card.

    On a card of the layout that the defaults are for, only the last command, which boots, can.
    """
    defaults = device_types.defaults(device.device_type).get("boot", {}).get("commands")
    if not isinstance(error, BootCommandFailed) or list(commands) != defaults:
        return str(error)
    foreign_card = device.deploy.method == "none" or device.deploy.layout == "image"
    if not foreign_card and error.command != commands[-1]:
        return str(error)
    text, newline, lines = str(error).partition("\n")
    return f"{text}; {HINT}{newline}{lines}"
