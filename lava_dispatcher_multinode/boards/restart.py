"""Restarts a board while its console is read: a switch may answer later than the board."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from ..console.transport import BoardPower
from ..errors import BootError, MultinodeError
from .bootloaders.none import NoBootLoader
from .driver import CountdownMissed

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..console.expect import Dialogue
    from ..deadline import Deadline
    from .driver import BootLoader
    from .power.switch import PowerSwitch

POLL_S = 0.2  # while a command runs
CTRL_C = b"\x03"
ASK_BOOT_ID = b"cat /proc/sys/kernel/random/boot_id\r"
BOOT_ID = rb"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
BOOT_ID_TIMEOUT_S = 3.0


class BoardRestart:
    """One restart of a board, by its power switch or, without one, by itself.

    Output from before the power was off does not count. A switch with separate commands has
    switched the board off when `start` returns; one that only cycles does it at any time until
    `finish`.
    """

    def __init__(self, switch: PowerSwitch | None, dialogue: Dialogue) -> None:
        self._switch = switch
        self._dialogue = dialogue
        self._console = dialogue.console
        self._one_step = switch is not None and switch.pause is None
        self._error: MultinodeError | None = None
        self._thread: threading.Thread | None = None

    def start(
        self, step: Callable[[str], None], reset_command: str, network: Deadline | None = None
    ) -> None:
        """Switch the power off and begin to switch it on, or ask the board to reboot.

        `network`: the console is in the board's network, so it shows Linux only. Return when
        the next boot answers, at the latest at that deadline.
        """
        if self._switch is not None:
            step("switching the power on")
            self._console.note("power cycle")
            self._start_cycle(self._switch)
            return
        step("no power switch configured: asking the board to reboot")
        self._dialogue.forget()
        # Linux knows one command, the boot loader the other. No empty line comes first, since
        # U-Boot would repeat its last command.
        command = b"reboot || %b\r" % reset_command.encode()
        if network is None:
            self._dialogue.send(CTRL_C + command)
            return
        self._dialogue.send(CTRL_C)
        while (boot := self._boot_id()) is None:
            if not network.left:
                raise BootError(self._dialogue.explain(f"no shell answers within {network}"))
        self._console.set_power(BoardPower.ON)  # this explains a connection that is lost
        self._dialogue.send(command)
        while self._boot_id() in {boot, None}:
            if not network.left:
                raise BootError(self._dialogue.explain(f"the board has not rebooted in {network}"))

    def _boot_id(self) -> bytes | None:
        """Ask Linux for the ID of its boot; None without an answer in time."""
        self._dialogue.send(ASK_BOOT_ID)
        found = self._dialogue.expect_or_none([BOOT_ID], timeout=BOOT_ID_TIMEOUT_S)
        return found.match[0] if found is not None else None

    def stop_countdown(self, loader: BootLoader, *, spam: bool) -> None:
        """Get to the prompt of `loader`; return when the power is on. `spam`: see `BootLoader`."""
        if isinstance(loader, NoBootLoader):
            self.finish()
            return
        while True:
            try:
                # A console that is powered with the board may appear after the countdown's text.
                loader.interrupt(spam=spam or not self._console.connected)
            except BootError as error:
                # The time runs from power-on, and a countdown before power-off does not count.
                missed = isinstance(error, CountdownMissed) and not self._one_step
                if missed or self._thread is None or not self._thread.is_alive():
                    raise
                self._thread.join(POLL_S)
            else:
                if not self._restarts():
                    return

    def finish(self) -> None:
        """Wait for the end of the command; raise its error."""
        self.wait()
        self._check()

    def wait(self) -> None:
        """Wait for the end of the command."""
        if self._thread is not None:
            self._thread.join()

    def _start_cycle(self, switch: PowerSwitch) -> None:
        if switch.pause is not None:
            self._console.set_power(BoardPower.OFF)
            switch.off()
            time.sleep(switch.pause)  # the board's capacitors, not a race
        self._dialogue.forget()
        self._console.set_power(BoardPower.RISING)
        self._dialogue.on_wake = self._check
        command = switch.cycle if switch.pause is None else switch.on
        if (
            not switch.slow
        ):  # the processes of a virtual board end with the thread that starts them
            self._run(command)
            self._check()
            return
        self._thread = threading.Thread(
            target=self._run, args=(command,), name="power cycle", daemon=True
        )
        self._thread.start()

    def _restarts(self) -> bool:
        """Wait for the end of the command; return whether the board prints meanwhile.

        Then the command has cut the power after the prompt, which was an old one.
        """
        running = self._one_step and self._thread is not None and self._thread.is_alive()
        while running and self._thread is not None and self._thread.is_alive():
            if self._prints(POLL_S):
                return True
        self.finish()
        return running and self._prints(0.0)

    def _prints(self, seconds: float) -> bool:
        return self._dialogue.expect_or_none([rb"(?=\S)"], timeout=seconds) is not None

    def _run(self, command: Callable[[], None]) -> None:
        try:
            command()
        except MultinodeError as error:  # raised again by `_check`
            self._error = error
        finally:
            self._console.set_power(BoardPower.ON)
            self._console.wake()

    def _check(self) -> None:
        if self._error is not None:
            raise self._error
