"""A power switch that is operated by shell commands, like LAVA's `hard_reset_command`."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ...errors import PowerError
from ...redaction import program
from ..host_command import HostCommandFailed, run_command

if TYPE_CHECKING:
    from ...lab.device_sections import Power


class CommandSwitch:
    """Runs `power.on`, `power.off` and `power.cycle` of a device file."""

    slow = True

    def __init__(self, device: str, power: Power) -> None:
        self._device = device
        self._power = power

    @property
    def pause(self) -> float | None:
        """Seconds between off and on; None with a command for `cycle`."""
        return None if self._power.cycle else self._power.settle

    @property
    def worth_checking(self) -> bool:
        """True if there is a command for `off`; there may be one for `cycle` only."""
        return self._power.off is not None

    def cycle(self) -> None:
        """Run `cycle`; without it, switch off, pause, and switch on."""
        if self._power.cycle:
            self._run("power.cycle", self._power.cycle)
            return
        self.off()
        time.sleep(self._power.settle)  # the board's capacitors, not a race
        self.on()

    def on(self) -> None:
        """Switch on; by `cycle` if there is no command for `on`."""
        if self._power.on:
            self._run("power.on", self._power.on)
        else:
            assert self._power.cycle is not None
            self._run("power.cycle", self._power.cycle)

    def off(self) -> None:
        """Switch off; do nothing if there is no command for `off`."""
        if self._power.off:
            self._run("power.off", self._power.off)

    def _run(self, key: str, command: str) -> None:
        try:
            run_command(command, self._power.timeout, "power.timeout")
        except HostCommandFailed as error:
            raise PowerError(f"{self._device}: {key} '{program(command)}' {error}") from None
