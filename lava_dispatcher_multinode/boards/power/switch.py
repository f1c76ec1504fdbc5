"""What every power switch can do, and which one a device has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from .command import CommandSwitch

if TYPE_CHECKING:
    from ...lab.device import Device


class PowerSwitch(Protocol):
    """Each call returns when it is done; `PowerError` when it cannot be."""

    def cycle(self) -> None:
        """Have the board start from nothing, whatever it was doing."""

    def off(self) -> None:
        """Take the power away."""


def configured_switch(device: Device) -> PowerSwitch | None:
    """Return the switch of the device file; None if it has none."""
    power = device.power
    if power.cycle or (power.on and power.off):
        return CommandSwitch(device.name, power)
    return None
