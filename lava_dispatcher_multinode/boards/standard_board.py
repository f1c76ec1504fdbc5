"""The standard driver: power switch, boot loader and login, from power-on to a shell."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, cast

from .. import plugins
from ..console.death_strings import DOWN, KERNEL
from ..console.expect import Dialogue
from ..errors import (
    ActionTimeout,
    BoardDied,
    BoardHangs,
    BootError,
    KernelCrashed,
    MultinodeError,
)
from .bootloaders.grub import GrubLoader
from .bootloaders.none import NoBootLoader
from .card_hint import with_card_hint
from .crash_report import with_crash_report
from .deploy.direct import prepare_direct
from .deploy.master import deploy_by_master
from .deploy.media import write_media
from .deploy.support import starts_kernels
from .deploy.tftp_boot import dictionary_lines, serve_boot_files
from .driver import BoardDriver, CountdownMissed, load_boot_loader
from .linux import log_in, wait_for_kernel
from .power.power_check import switch_off
from .restart import BoardRestart

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

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


class StandardBoard:
    """Composes power switch, boot loader, login and deploy method as the device file names them.

    It implements `driver.BoardDriver` for every device type without a driver of its own.
    """

    def __init__(
        self,
        device: Device,
        console: Console,
        hardware: Hardware,
        step: Callable[[str], None],
        emit: Emit,
    ) -> None:
        self.device = device
        self.console = console
        self.root = hardware.root
        self.shell: Shell | None = None
        self.boots = 0
        self._loader = load_boot_loader(device.bootloader)
        self._power: BoardRestart  # of the current boot
        self._hardware = hardware
        self._on_step = step
        self._emit = emit
        self._last_step = ""
        self._loader_of_boot = self._loader  # of the next boot
        self._commands: Sequence[str] = ()  # they boot what was deployed
        self._boot_deployed_image()
        self._spam_interrupt = False  # a countdown was missed once

    def deploy(
        self,
        image: Image,
        servers: Servers,
        deadline: Deadline,
        bundle: OverlayBundle | None = None,
    ) -> bool:
        """Put a disk image on the board, which has to boot afterwards.

        Return whether the image contains `bundle`.
        """
        if self.device.deploy.method == "master":
            return self._deploy_by_master(image, servers, deadline, bundle)
        self.power_off()
        self._boot_deployed_image()
        if self._hardware.starter is not None:
            self._hardware.starter.set_kernel(None)
        return write_media(self.device, self._hardware.card, image, bundle, deadline, self._step)

    def _deploy_by_master(
        self, image: Image, servers: Servers, deadline: Deadline, bundle: OverlayBundle | None
    ) -> bool:
        self._step("booting the master image")
        self._commands = self.device.deploy.master.commands
        if not self._commands:
            self._loader_of_boot = NoBootLoader
        try:
            shell = self.boot(deadline)
            self.require_root()
            with self.watched("while the master image deployed"):
                return deploy_by_master(
                    shell, self.device, image, bundle, servers, deadline, self._step
                )
        finally:
            self._boot_deployed_image()
            self.power_off()  # the deploy has synced its writes

    def deploy_kernel(
        self, files: BootFiles, servers: Servers, deadline: Deadline, bundle: OverlayBundle | None
    ) -> bool:
        """Serve `files` to the boot loader at the next boots, or give them to the emulator.

        Return whether they contain `bundle`.
        """
        self.power_off()
        starter, card = self._hardware.starter, self._hardware.card
        if starter is not None and starts_kernels(self.device):
            kernel, complete = prepare_direct(
                self.device, card, files, bundle, deadline, self._step
            )
            starter.set_kernel(kernel)
            self._commands, self._loader_of_boot = (), NoBootLoader
            return complete
        network, in_ramdisk = serve_boot_files(self.device, files, bundle, servers, self._step)
        self._loader_of_boot = self._loader
        own = self.device.deploy.tftp.commands
        make = dictionary_lines if own else self._loader.network_commands
        self._commands = make(network)
        return in_ramdisk

    def boot(self, deadline: Deadline) -> Shell:
        """Boot what was deployed, with the retries of the device file."""
        if not self._commands and self._loader_of_boot is not NoBootLoader:
            raise BootError(f"{self.device.name}: boot.commands is empty: nothing to boot with")
        for command in self._commands:
            self._loader_of_boot.check_command(command)
        attempts = self.device.boot.retries
        for number in range(1, attempts + 1):
            self._emit("boot_started", attempt=number, of=attempts)
            try:
                with self._hardware.boot_slot(deadline):
                    limit = "boot.timeout"
                    self.shell = self._boot_once(deadline.part(self.device.boot.timeout, limit))
                    self._run_setup_commands(self.shell)
            except (BootError, BoardDied, KernelCrashed, ActionTimeout) as error:
                self.shell = None
                self._emit_boot_finished(number, attempts, "error", str(error))
                self._spam_interrupt = self._spam_interrupt or isinstance(error, CountdownMissed)
                if isinstance(error, ActionTimeout) and not deadline.left:
                    raise
                deadline.check(str(error))
                if number == attempts:
                    kind = BootError if isinstance(error, ActionTimeout) else type(error)
                    hinted = with_card_hint(self.device, self._commands, error)
                    text = f"boot attempt {number} of {attempts} failed: {hinted}"
                    raise kind(text) from error
                first = str(error).partition("\n")[0]
                self._step(f"boot attempt {number} of {attempts} failed: {first}")
                # Late output of this attempt must not count as output of the next one.
                self.power_off()
            except BaseException as error:
                self._emit_boot_finished(
                    number, attempts, "error", str(error) or type(error).__name__
                )
                raise
            else:
                self._emit_boot_finished(number, attempts, "pass", None)
                self.boots += 1
                self.shell.deadline = deadline
                return self.shell
        raise AssertionError

    def require_root(self) -> None:
        """Raise `BootError` unless the shell belongs to root: tests write anywhere."""
        uid = self.shell.uid if self.shell is not None else None
        if uid and not self.root:  # without confinement, a simulated board is the user's own
            raise BootError(
                f"{self.device.name}: the shell belongs to user {uid}, and tests need root: "
                "set login.user to root, or login.commands, for example to [sudo su]"
            )

    @contextmanager
    def watched(self, activity: str = "while tests ran") -> Iterator[None]:
        """Return a context in which a crash, a reset or a shutdown ends every read.

        `activity` completes the error: "the board died while tests ran".
        """
        self.console.watch((*KERNEL, *self._loader.banners, *DOWN, *self.device.death))
        try:
            yield
        except BoardDied as death:
            raise self._with_crash_report(death, activity) from death
        except BoardHangs as error:
            lines = ["last lines of the console:", *self.console.tail()]
            raise BoardHangs("\n    ".join([str(error), *lines])) from error
        finally:
            self._watch_for_crashes()

    def power_off(self) -> None:
        """Switch the board off if it has a power switch, and check that it is off.

        Raises `ConsoleTaken` if another client has the console: the board stays as it is.
        """
        self.shell = None
        self.console.watch(None)
        self._check_console()
        if self._hardware.switch is not None:
            switch_off(self.device.name, self._hardware.switch, self.console)

    def _boot_deployed_image(self) -> None:
        """Boot by the device file from now on; GRUB without commands boots its default entry."""
        # The commands of a device type are for the boot loader of the type.
        self._commands = () if self._loader is NoBootLoader else self.device.boot.commands
        automatic = self._loader is GrubLoader and not self._commands
        self._loader_of_boot = NoBootLoader if automatic else self._loader

    def _watch_for_crashes(self) -> None:
        """Look for death strings from the kernel's start to power-off, also between reads."""
        self.console.watch((*KERNEL, *self._loader.banners, *self.device.death))

    def _with_crash_report(self, death: BoardDied, activity: str) -> MultinodeError:
        return with_crash_report(
            self.console, death, activity, self.device.panic, self._loader.banners
        )

    def _step(self, text: str) -> None:
        self._last_step = text
        self._on_step(text)

    def _emit_boot_finished(self, number: int, of: int, status: str, error: str | None) -> None:
        self._emit("boot_finished", attempt=number, of=of, status=status, error=error)

    def _boot_once(self, deadline: Deadline) -> Shell:
        boot = self.device.boot
        dialogue = Dialogue(self.console)
        self._restart(dialogue, deadline)
        try:
            if self.device.connection.ssh is not None:  # it shows no kernel
                self._power.finish()
            elif not self._start_kernel(dialogue, deadline):
                self._watch_for_crashes()
                self._step("waiting for the kernel")
                wait_for_kernel(dialogue, boot, deadline)
            self._watch_for_crashes()
            self._step("waiting for the login prompt")
            shell = log_in(dialogue, self.device.login, deadline, self.device.connection.fifo)
        except ActionTimeout as error:
            raise ActionTimeout(dialogue.explain(f"{error}: {self._last_step}")) from error
        except BoardDied as death:
            raise self._with_crash_report(death, "while it booted") from death
        finally:
            self._power.wait()
        if shell.uid:
            self._step(f"the shell belongs to user {shell.uid}, not to root: tests need root")
        return shell

    def _start_kernel(self, dialogue: Dialogue, deadline: Deadline) -> bool:
        """Start the kernel by `_commands`, or wait for it if there are none.

        Return whether its first line has been seen.
        """
        loader = self._loader_of_boot(dialogue, self.device.boot, deadline)
        self._step(f"waiting for {loader.name}")
        self._power.stop_countdown(loader, spam=self._spam_interrupt)
        *setup, start = self._commands or ("",)
        for command in setup:
            self._step(f"{loader.name}: {command}")
            loader.run(command)
        if start:
            self._step(f"{loader.name}: {start}")
        # From here on: a kernel can panic immediately after its start.
        self.console.watch((*KERNEL, *self.device.death))
        return loader.start(start)

    def _run_setup_commands(self, shell: Shell) -> None:
        """Set the name and the network of a virtual board."""
        for command in self._hardware.setup_commands():
            code, output = shell.run(command)
            if code:
                self._step(f"'{command}' on the board exited with {code}: {output}")

    def _check_console(self) -> None:
        if self.console.taken is not None:
            raise self.console.taken

    def _restart(self, dialogue: Dialogue, deadline: Deadline) -> None:
        self.shell = None
        self.console.watch(None)
        self._check_console()
        self._power = BoardRestart(self._hardware.switch, dialogue)
        network = deadline if self.device.connection.ssh is not None else None
        self._power.start(self._step, self._loader.reset_command, network)


def load_driver(device_type: str) -> type[BoardDriver]:
    """Return the driver of `device_type`: a plug-in's, or else the standard one.

    Raises `InvalidJob` if a plug-in's class lacks a member of `BoardDriver`.
    """
    if device_type not in plugins.entries(plugins.DEVICE_TYPES):
        return StandardBoard
    driver = plugins.load(plugins.DEVICE_TYPES, device_type, BoardDriver)
    return cast("type[BoardDriver]", driver)
