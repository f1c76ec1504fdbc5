"""A board that starts with U-Boot, from power-on to a shell."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar

from ..console.death_strings import DOWN, KERNEL, RESET
from ..console.expect import Dialogue
from ..errors import (
    ActionTimeout,
    BoardDied,
    BoardHangs,
    BootError,
    DeployError,
    KernelCrashed,
    MultinodeError,
)
from .bootloaders.autoboot import CountdownMissed
from .bootloaders.u_boot import UBoot, check_line
from .crash_report import explained
from .deploy.master import deploy_by_master
from .deploy.media import write_media
from .deploy.support import unsupported_reason
from .deploy.tftp_boot import boot_commands
from .linux import log_in, wait_for_kernel
from .power.power_check import check_off

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from ..console.board_console import Console
    from ..deadline import Deadline
    from ..emit import Emit
    from ..images.store import Image
    from ..lab.device_model import Device
    from ..serve.servers import Servers
    from .delivery.bundle import OverlayBundle
    from .deploy.tftp_boot import BootFiles
    from .hardware import Hardware
    from .shell import Shell


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
        self.tell: Emit = _nobody  # records an event of this node
        self._switch = hardware.switch
        self._card = hardware.card
        self._boot_slot = hardware.boot_slot
        self._setup_commands = hardware.setup_commands
        self._say = step
        self._doing = ""  # the last step
        self._commands = device.boot.commands  # what boots that which was deployed
        self._alone = False  # what is to boot does so if nobody interrupts
        self._press = False  # keys at U-Boot from power-on: its countdown was missed once

    def deploy(
        self,
        image: Image,
        servers: Servers,
        deadline: Deadline,
        bundle: OverlayBundle | None = None,
    ) -> bool:
        """Put a disk image on the board; it has to boot afterwards.

        Return whether `bundle`, the overlay, went with it.
        """
        if reason := unsupported_reason(self.device, "image"):
            raise DeployError(reason)
        if self.device.deploy.method == "master":
            return self._deploy_by_master(image, servers, deadline, bundle)
        self.power_off()
        self._commands = self.device.boot.commands
        return write_media(self.device, self._card, image, bundle, deadline, self._step)

    def _deploy_by_master(
        self, image: Image, servers: Servers, deadline: Deadline, bundle: OverlayBundle | None
    ) -> bool:
        self._step("booting the master image")
        self._commands = self.device.deploy.master.commands
        self._alone = not self._commands
        try:
            shell = self.boot(deadline)
            self.require_root()
            with self.watched("while the master image deployed"):
                return deploy_by_master(
                    shell, self.device, image, bundle, servers, deadline, self._step
                )
        finally:
            self._commands, self._alone = self.device.boot.commands, False
            self.power_off()  # all that it wrote is out

    def deploy_kernel(
        self, files: BootFiles, servers: Servers, bundle: OverlayBundle | None
    ) -> bool:
        """Have U-Boot fetch `files` at the next boots; whether `bundle` is in the ramdisk."""
        self.power_off()
        self._commands, in_image = boot_commands(self.device, files, bundle, servers, self._step)
        return in_image

    def boot(self, deadline: Deadline) -> Shell:
        """Boot what was deployed; retry as often as the device file says."""
        if not self._commands and not self._alone:
            raise BootError(f"{self.device.name}: boot.commands is empty: nothing to boot with")
        for command in self._commands:
            check_line(command)
        tries = max(1, self.device.boot.retries)
        for number in range(1, tries + 1):
            self.tell("boot_started", attempt=number, of=tries)
            try:
                with self._boot_slot(deadline):
                    limit = "boot.timeout"
                    self.shell = self._boot_once(deadline.part(self.device.boot.timeout, limit))
                    self._introduce(self.shell)
            except (BootError, BoardDied, KernelCrashed, ActionTimeout) as error:
                self.shell = None
                self._boot_ended(number, tries, "error", str(error))
                self._press = self._press or isinstance(error, CountdownMissed)
                if isinstance(error, ActionTimeout) and not deadline.left:
                    raise
                deadline.check(str(error))
                if number == tries:
                    kind = BootError if isinstance(error, ActionTimeout) else type(error)
                    text = f"boot, try {number} of {tries}: {self._hinted(error)}"
                    raise kind(text) from error
                self._step(f"boot failed, try {number} of {tries}: {str(error).splitlines()[0]}")
                # What it still prints must not be taken for the next try's.
                self.power_off()
            except BaseException as error:
                self._boot_ended(number, tries, "error", str(error) or type(error).__name__)
                raise
            else:
                self._boot_ended(number, tries, "pass", None)
                self.boots += 1
                self.shell.deadline = deadline
                return self.shell
        raise AssertionError

    def require_root(self) -> None:
        """Raise `BootError` unless the shell is root's: tests need to write anywhere."""
        uid = self.shell.uid if self.shell is not None else None
        if uid and not self.root:  # a simulated board that is not confined is the user's own
            raise BootError(
                f"{self.device.name}: the shell belongs to user {uid}, and tests need root: "
                "log in as root, or set login.commands, to [sudo su] say"
            )

    @contextmanager
    def watched(self, doing: str = "while tests ran") -> Iterator[None]:
        """Give a context in which a panic, a reset or a shutdown ends every read."""
        self.console.watch((*KERNEL, *RESET, *DOWN, *self.device.death))
        try:
            yield
        except BoardDied as death:
            raise self._explained(death, doing) from death
        except BoardHangs as error:
            lines = ["the console's last lines:", *self.console.tail()]
            raise BoardHangs("\n    ".join([str(error), *lines])) from error
        finally:
            self._watch()

    def _watch(self) -> None:
        """From the kernel's start to power-off, also while nobody reads."""
        self.console.watch((*KERNEL, *RESET, *self.device.death))

    def _explained(self, death: BoardDied, doing: str) -> MultinodeError:
        return explained(self.console, death, doing, self.device.panic)

    def power_off(self) -> None:
        """Switch the board off, where it has a switch, and see that it is.

        Raise `ConsoleTaken` of a board that another client may have by now: it stays as it is.
        """
        self.shell = None
        self.console.watch(None)
        self._check_ours()
        if self._switch is not None:
            self._switch.off()
            self.console.note("power off")
            check_off(self.device.name, self._switch, self.console)

    def _step(self, text: str) -> None:
        self._doing = text
        self._say(text)

    def _boot_ended(self, number: int, tries: int, status: str, error: str | None) -> None:
        self.tell("boot_finished", attempt=number, of=tries, status=status, error=error)

    def _boot_once(self, deadline: Deadline) -> Shell:
        boot = self.device.boot
        dialogue = Dialogue(self.console)
        self._restart(dialogue)
        try:
            if self._alone:
                # Its U-Boot's first words, a sign of a reset at any other time, are welcome.
                self.console.watch((*KERNEL, *self.device.death))
                self._step("waiting for the kernel that boots by itself")
                wait_for_kernel(dialogue, boot, deadline)
            elif not self._start_kernel(dialogue, deadline):
                self._watch()
                self._step("waiting for the kernel")
                wait_for_kernel(dialogue, boot, deadline)
            self._watch()
            self._step("waiting for the login prompt")
            shell = log_in(dialogue, self.device.login, deadline, self.device.connection.fifo)
        except ActionTimeout as error:
            raise ActionTimeout(dialogue.explain(f"{error}: {self._doing}")) from error
        except BoardDied as death:
            raise self._explained(death, "while it booted") from death
        if shell.uid:
            self._step(f"the shell belongs to user {shell.uid}, not to root: tests need root")
        return shell

    def _start_kernel(self, dialogue: Dialogue, deadline: Deadline) -> bool:
        """Type at U-Boot what boots; return whether the kernel's first line has come already."""
        u_boot = UBoot(dialogue, self.device.boot, deadline)
        self._step("waiting for U-Boot")
        u_boot.interrupt(press=self._press)
        *setup, start = self._commands
        for command in setup:
            self._step(f"U-Boot: {command}")
            u_boot.run(command)
        self._step(f"U-Boot: {start}")
        # From here on: a kernel can panic in the same breath in which it starts.
        self.console.watch((*KERNEL, *self.device.death))
        return u_boot.start(start)

    def _introduce(self, shell: Shell) -> None:
        """Tell the board what of its name and network only its maker knows."""
        for command in self._setup_commands():
            code, output = shell.run(command)
            if code:
                self._step(f"'{command}' on the board exited with {code}: {output}")

    def _hinted(self, error: Exception) -> str:
        """Return what `error` says, with a word on the driver's commands where they do not fit."""
        deploy = self.device.deploy
        others_card = deploy.method == "none" or deploy.layout == "image"
        drivers = self.defaults.get("boot", {}).get("commands")
        if not others_card or list(self._commands) != drivers or "U-Boot: '" not in str(error):
            return str(error)
        text, newline, lines = str(error).partition("\n")
        hint = "boot.commands are the driver's, for a card of 2013: give those that boot this one"
        return f"{text}; {hint}{newline}{lines}"

    def _check_ours(self) -> None:
        if self.console.taken is not None:
            raise self.console.taken

    def _restart(self, dialogue: Dialogue) -> None:
        self.shell = None
        self.console.watch(None)
        self._check_ours()
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
