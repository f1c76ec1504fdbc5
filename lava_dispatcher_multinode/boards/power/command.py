"""A switch that shell commands work: what LAVA's `hard_reset_command` users have."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from typing import TYPE_CHECKING

from ...errors import PowerError

if TYPE_CHECKING:
    from ...lab.device import Power

OUTPUT = 500  # characters of a command's output that an error shows


class CommandSwitch:
    """Runs `power.on`, `power.off` and `power.cycle` of a device file."""

    def __init__(self, device: str, power: Power) -> None:
        self._device = device
        self._power = power

    def cycle(self) -> None:
        """Cycle the power: by the one command, or off, a pause, on."""
        if self._power.cycle:
            self._run("power.cycle", self._power.cycle)
            return
        self.off()
        time.sleep(self._power.settle)  # the board's capacitors, not a race
        assert self._power.on is not None
        self._run("power.on", self._power.on)

    def off(self) -> None:
        """Switch off; nothing where the device file has no command for that."""
        if self._power.off:
            self._run("power.off", self._power.off)

    def _run(self, key: str, command: str) -> None:
        process = subprocess.Popen(
            ["/bin/sh", "-c", command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            output, _ = process.communicate(timeout=self._power.timeout)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            raise PowerError(
                f"{self._device}: {key} '{command}' has not ended within {self._power.timeout:g} s"
            ) from None
        if process.returncode:
            text = output.decode("utf-8", "backslashreplace").strip()[-OUTPUT:]
            raise PowerError(
                f"{self._device}: {key} '{command}' exited with {process.returncode}: {text}"
            )
