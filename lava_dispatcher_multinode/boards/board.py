"""A board that starts with U-Boot, from power-on to a shell."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar

from ..console.death import KERNEL, RESET
from ..console.expect import Dialogue
from ..errors import ActionTimeout, BoardDied, BootError
from .linux import log_in, wait_for_kernel
from .media import write_media
from .u_boot import UBoot

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from ..console.console import Console
    from ..deadline import Deadline
    from ..lab.device import Device
    from .hardware import Hardware
    from .shell import Shell


#: A board that goes down while tests run says no more, and has said why.
DOWN = (r"(?:reboot: )?Power down", r"(?:reboot: )?System halted")


class UBootBoard:
    """The driver of every device type here; a type is its defaults, or a subclass."""

    aliases: ClassVar[Sequence[str]] = ()
    defaults: ClassVar[Mapping[str, Any]] = {}

    def __init__(
        self,
        device: Device,
        console: Console,
        hardware: Hardware,
        step: Callable[[str], None],
    ) -> None:
        self.device = device
        self.console = console
        self.root = hardware.root
        self.shell: Shell | None = None  # set while the board is booted
        self.boots = 0  # how often it got to a shell: what was put there before is gone
        self.tell: Callable[..., None] = _nobody  # records an event of this node
        self._switch = hardware.switch
        self._card = hardware.card
        self._turn = hardware.turn
        self._introduction = hardware.introduction
        self._step = step

    def deploy(
        self, image: Path, deadline: Deadline, progress: Callable[[int, int], None]
    ) -> None:
        """Put a disk image on the board; it has to boot afterwards."""
        self.power_off()
        write_media(self.device, self._card, image, deadline, progress)

    def boot(self, deadline: Deadline) -> Shell:
        """Boot what was deployed; retry as often as the device file says."""
        tries = max(1, self.device.boot.retries)
        for number in range(1, tries + 1):
            self.tell("boot_started", attempt=number, of=tries)
            try:
                with self._turn(deadline):
                    limit = f"boot.timeout of {self.device.name}"
                    self.shell = self._boot_once(deadline.part(self.device.boot.timeout, limit))
                    self._introduce(self.shell)
            except (BootError, BoardDied, ActionTimeout) as error:
                self.shell = None
                self._boot_ended(number, tries, "error", str(error))
                deadline.check(str(error))
                if number == tries:
                    kind = BoardDied if isinstance(error, BoardDied) else BootError
                    raise kind(f"boot, try {number} of {tries}: {error}") from error
                self._step(f"boot failed, try {number} of {tries}: {str(error).splitlines()[0]}")
            except BaseException as error:
                self._boot_ended(number, tries, "error", str(error) or type(error).__name__)
                raise
            else:
                self._boot_ended(number, tries, "pass", None)
                self.boots += 1
                self.shell.deadline = deadline
                return self.shell
        raise AssertionError

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Give a context in which a panic, a reset or a shutdown ends every read."""
        try:
            with self.console.deadly((*KERNEL, *RESET, *DOWN, *self.device.death)):
                yield
        except BoardDied as error:
            line = str(error)
            for patterns, what in ((RESET, "restarted"), (DOWN, "was shut down")):
                if any(re.match(pattern, line) for pattern in patterns):
                    raise BoardDied(f"the board {what} while tests ran: {line}") from error
            raise

    def power_off(self) -> None:
        """Switch the board off, where it has a switch."""
        self.shell = None
        if self._switch is not None:
            self._switch.off()
            self.console.note("power off")

    def _boot_ended(self, number: int, tries: int, status: str, error: str | None) -> None:
        self.tell("boot_finished", attempt=number, of=tries, status=status, error=error)

    def _boot_once(self, deadline: Deadline) -> Shell:
        boot = self.device.boot
        dialogue = Dialogue(self.console)
        self._restart(dialogue)
        u_boot = UBoot(dialogue, boot, deadline)
        self._step("waiting for U-Boot")
        u_boot.interrupt()
        if not boot.commands:
            raise BootError(f"{self.device.name}: boot.commands is empty: nothing to boot with")
        *setup, start = boot.commands
        for command in setup:
            self._step(f"U-Boot: {command}")
            u_boot.run(command)
        self._step(f"U-Boot: {start}")
        # From here on: a kernel can panic in the same breath in which it starts.
        with self.console.deadly((*KERNEL, *self.device.death)):
            try:
                if not u_boot.start(start):
                    self._step("waiting for the kernel")
                    wait_for_kernel(dialogue, boot, deadline)
                self._step("waiting for the login prompt")
                return log_in(dialogue, self.device.login, deadline)
            except BoardDied as error:
                raise BoardDied(dialogue.explain(str(error))) from error

    def _introduce(self, shell: Shell) -> None:
        """Tell the board what of its name and network only its maker knows."""
        for command in self._introduction():
            code, output = shell.run(command)
            if code:
                self._step(f"'{command}' on the board exited with {code}: {output}")

    def _restart(self, dialogue: Dialogue) -> None:
        self.shell = None
        dialogue.forget()
        if self._switch is not None:
            self._step("switching the power on")
            self.console.note("power cycle")
            self._switch.cycle()
            return
        # Without a switch only the board itself can: Linux knows the one word,
        # U-Boot the other, and each goes on to the second if not. Not an empty
        # line first: U-Boot would repeat its last command.
        self._step("no power switch configured: asking the board to reboot")
        dialogue.send(b"\x03reboot || reset\r")


def _nobody(event: str, /, **fields: object) -> None:
    """Take an event where no run is there to record it."""
