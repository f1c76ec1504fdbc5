"""What every power switch can do, and which one a device has."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol

from ...errors import PowerError
from .power_command import CommandSwitch

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...lab.device_model import Device


class PowerSwitch(Protocol):
    """Each call returns when it is done; `PowerError` when it cannot be."""

    @property
    def worth_checking(self) -> bool:
        """Whether the console is to be asked if the board is off, once `off` has returned.

        Not where `off` does nothing, nor where it is known for certain what it did.
        """

    def cycle(self) -> None:
        """Have the board start from nothing, whatever it was doing."""

    def on(self) -> None:
        """Give the board power."""

    def off(self) -> None:
        """Take the power away."""


class Retrying:
    """A switch that fails now and then, as those in a network do."""

    def __init__(self, switch: PowerSwitch, tries: int, pause: float) -> None:
        self._switch = switch
        self._tries = tries
        self._pause = pause  # seconds between two tries

    @property
    def worth_checking(self) -> bool:
        """As of the switch itself."""
        return self._switch.worth_checking

    def cycle(self) -> None:
        """Off and on; all of it again if it fails."""
        self._try(self._switch.cycle)

    def on(self) -> None:
        """On."""
        self._try(self._switch.on)

    def off(self) -> None:
        """Off."""
        self._try(self._switch.off)

    def _try(self, action: Callable[[], None]) -> None:
        for number in range(1, self._tries + 1):
            try:
                action()
            except PowerError as error:
                if number == self._tries:
                    tries = f" ({number} tries)" if number > 1 else ""
                    raise PowerError(f"{error}{tries}") from error
                time.sleep(self._pause)
            else:
                return


def configured_switch(device: Device) -> PowerSwitch | None:
    """Return the switch of the device file; None if it has none."""
    power = device.power
    switch: PowerSwitch
    if power.manual:
        from .manual_switch import ManualSwitch

        return ManualSwitch(device.name)
    if power.pdudaemon is not None:
        from .pdudaemon import PduDaemonSwitch

        switch = PduDaemonSwitch(device.name, power, power.pdudaemon)
    elif power.cycle or (power.on and power.off):
        switch = CommandSwitch(device.name, power)
    else:
        return None
    return Retrying(switch, power.retries, power.settle)
