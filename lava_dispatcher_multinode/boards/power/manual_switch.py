"""A power switch that a person operates on request at the terminal."""

from __future__ import annotations

import os
import threading
import time

from ...errors import PowerError
from ...polling import wait_readable

TERMINAL = "/dev/tty"
ANSWER_TIMEOUT_S = 600.0  # for the person
#: Held by the request that reads the keyboard: one request at a time.
KEYBOARD = threading.Lock()


class ManualSwitch:
    """Prints a request and waits for Enter."""

    pause = None
    slow = True
    worth_checking = True

    def __init__(self, device: str) -> None:
        self._device = device
        os.close(self._open())  # fails now rather than at power-off

    def cycle(self) -> None:
        """Request to switch off and on."""
        self._request("switch the power of {} off and on again")

    def on(self) -> None:
        """Request to switch on."""
        self._request("switch the power of {} on")

    def off(self) -> None:
        """Request to switch off."""
        self._request("switch the power of {} off")

    def _open(self) -> int:
        try:
            terminal = os.open(TERMINAL, os.O_RDWR | os.O_NOCTTY)
        except OSError as error:
            raise PowerError(
                f"{self._device}: power.manual needs a person at a terminal, and there is no "
                "terminal: run in a terminal, or set power.on and power.off"
            ) from error
        if os.tcgetpgrp(terminal) != os.getpgrp():  # a read would stop this process
            os.close(terminal)
            raise PowerError(
                f"{self._device}: power.manual needs the terminal, and this process runs in its "
                "background"
            )
        return terminal

    def _request(self, what: str) -> None:
        with KEYBOARD:
            terminal = self._open()
            try:
                text = what.format(self._device)
                os.write(terminal, f"\r\n>>> Please {text}, then press Enter: ".encode())
                if not _confirmed(terminal):
                    raise PowerError(f"{self._device}: no confirmation of: {text}")
            finally:
                os.close(terminal)


def _confirmed(terminal: int) -> bool:
    """Wait for an end of line, in line or key mode; False on a hangup or after the timeout."""
    until = time.monotonic() + ANSWER_TIMEOUT_S
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
