"""A switch that shell commands work: what LAVA's `hard_reset_command` users have."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ...errors import PowerError
from ...redaction import program
from ..host_command import Failed, run_command

if TYPE_CHECKING:
    from ...lab.device_sections import Power


class CommandSwitch:
    """Runs `power.on`, `power.off` and `power.cycle` of a device file."""

    def __init__(self, device: str, power: Power) -> None:
        self._device = device
        self._power = power

    @property
    def worth_checking(self) -> bool:
        """Whether `off` does anything: there may be a command for `cycle` alone."""
        return self._power.off is not None

    def cycle(self) -> None:
        """Cycle the power: by the one command, or off, a pause, on."""
        if self._power.cycle:
            self._run("power.cycle", self._power.cycle)
            return
        self.off()
        time.sleep(self._power.settle)  # the board's capacitors, not a race
        self.on()

    def on(self) -> None:
        """Switch on; by a cycle where the device file has no command for that."""
        if self._power.on:
            self._run("power.on", self._power.on)
        else:
            assert self._power.cycle is not None
            self._run("power.cycle", self._power.cycle)

    def off(self) -> None:
        """Switch off; nothing where the device file has no command for that."""
        if self._power.off:
            self._run("power.off", self._power.off)

    def _run(self, key: str, command: str) -> None:
        try:
            run_command(command, self._power.timeout, "power.timeout")
        except Failed as error:
            raise PowerError(f"{self._device}: {key} '{program(command)}' {error}") from None
