"""The interface of power switches, and the switch of a device."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol

from ...errors import PowerError
from .power_command import CommandSwitch

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...lab.device_model import Device


class PowerSwitch(Protocol):
    """A power switch; each call returns when the power has changed, or raises `PowerError`."""

    @property
    def pause(self) -> float | None:
        """Seconds between off and on; None if only `cycle` switches the board off and on."""

    @property
    def slow(self) -> bool:
        """True if a call may take seconds, in which the board boots."""

    @property
    def worth_checking(self) -> bool:
        """True if a probe of the console is useful after `off`.

        It is not if `off` does nothing, or if its effect is certain.
        """

    def cycle(self) -> None:
        """Power-cycle the board, in any state."""

    def on(self) -> None:
        """Switch on."""

    def off(self) -> None:
        """Switch off."""


class RetryingSwitch:
    """Retries the commands of a switch; switches in a network fail occasionally."""

    def __init__(self, switch: PowerSwitch, attempts: int, wait: float) -> None:
        self._switch = switch
        self._attempts = attempts
        self._wait = wait  # between two attempts, in seconds

    @property
    def pause(self) -> float | None:
        """As that of the switch."""
        return self._switch.pause

    @property
    def slow(self) -> bool:
        """As that of the switch."""
        return self._switch.slow

    @property
    def worth_checking(self) -> bool:
        """As that of the switch."""
        return self._switch.worth_checking

    def cycle(self) -> None:
        """Switch off and on; a failure repeats both."""
        self._try(self._switch.cycle)

    def on(self) -> None:
        """Switch on."""
        self._try(self._switch.on)

    def off(self) -> None:
        """Switch off."""
        self._try(self._switch.off)

    def _try(self, action: Callable[[], None]) -> None:
        for number in range(1, self._attempts + 1):
            try:
                action()
            except PowerError as error:
                if number == self._attempts:
                    attempts = f" ({number} attempts)" if number > 1 else ""
                    raise PowerError(f"{error}{attempts}") from error
                time.sleep(self._wait)
            else:
                return


def configured_switch(device: Device) -> PowerSwitch | None:
    """Return the power switch that the device file configures, if any."""
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
    return RetryingSwitch(switch, power.retries, power.settle)
