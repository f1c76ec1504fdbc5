"""A switch that is somebody's hand: asked for on the terminal."""

from __future__ import annotations

import os
import threading
import time

from ...errors import PowerError
from ...polling import wait_readable

TERMINAL = "/dev/tty"
PATIENCE = 600.0  # seconds for a hand to get there
#: Held by whoever reads the keyboard: one question at a time, however many boards.
KEYBOARD = threading.Lock()


class ManualSwitch:
    """Asks, and waits for Enter."""

    worth_checking = True

    def __init__(self, device: str) -> None:
        self._device = device
        os.close(self._open())  # better now than when the board is to go off

    def cycle(self) -> None:
        """Off and on."""
        self._ask("switch the power of {} off and on again")

    def on(self) -> None:
        """On."""
        self._ask("switch the power of {} on")

    def off(self) -> None:
        """Off."""
        self._ask("switch the power of {} off")

    def _open(self) -> int:
        try:
            terminal = os.open(TERMINAL, os.O_RDWR | os.O_NOCTTY)
        except OSError as error:
            raise PowerError(
                f"{self._device}: power.manual needs somebody at a terminal, and there is none: "
                "run it in one, or give power.on and power.off"
            ) from error
        if os.tcgetpgrp(terminal) != os.getpgrp():  # reading would stop this process
            os.close(terminal)
            raise PowerError(
                f"{self._device}: power.manual needs the terminal, and this runs in its background"
            )
        return terminal

    def _ask(self, what: str) -> None:
        with KEYBOARD:
            terminal = self._open()
            try:
                text = what.format(self._device)
                os.write(terminal, f"\r\n>>> Please {text}, then press Enter: ".encode())
                if not _answered(terminal):
                    raise PowerError(f"{self._device}: nobody said that it was done: {text}")
            finally:
                os.close(terminal)


def _answered(terminal: int) -> bool:
    """Wait for an end of line, in a terminal that hands over lines or keys; False: it hung up."""
    until = time.monotonic() + PATIENCE
    while (left := until - time.monotonic()) > 0:
        if not wait_readable([terminal], left):
            break
        try:
            typed = os.read(terminal, 1024)
        except OSError:
            break
        if not typed:
            break
        if b"\n" in typed or b"\r" in typed:
            return True
    return False
