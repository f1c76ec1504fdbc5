"""The interfaces of boards: the driver that actions use, the boot loader that a driver uses.

Plug-ins register either; loading checks their classes against these protocols.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Protocol, cast

from .. import plugins
from ..errors import BootError

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from ..console.board_console import Console
    from ..console.expect import Dialogue
    from ..deadline import Deadline
    from ..emit import Emit
    from ..images.store import Image
    from ..lab.device_model import Device
    from ..lab.device_sections import Boot
    from ..serve.servers import Servers
    from .delivery.bundle import OverlayBundle
    from .deploy.tftp_boot import BootFiles, NetworkBoot
    from .hardware import Hardware
    from .shell import Shell


class CountdownMissed(BootError):
    """A kernel started before the boot loader was interrupted: only a power cycle helps."""


class BootCommandFailed(BootError):
    """A command that the driver typed at the boot loader failed."""

    def __init__(self, message: str, command: str = "") -> None:
        super().__init__(message)
        self.command = command


class BootLoader(Protocol):
    """The dialogue with one board's boot loader, from power-on to the start of the kernel.

    Countdown, prompt, echo and errors are the boot loader's; the keys under `boot` in the
    device file configure them. Each method raises `BootError` when the boot cannot go on.
    """

    name: ClassVar[str]  # for messages: "U-Boot"
    reset_command: ClassVar[str]  # restarts the board
    #: Regular expressions for its first line, which shows a reset once the kernel has started.
    banners: ClassVar[tuple[str, ...]]

    def __init__(self, dialogue: Dialogue, boot: Boot, deadline: Deadline) -> None:
        """Prepare one boot, which ends with `deadline`."""

    @staticmethod
    def check_command(command: str) -> None:
        """Raise `BootError` if the boot loader cannot be given `command` as one line."""

    @staticmethod
    def network_commands(network: NetworkBoot) -> tuple[str, ...]:
        """Return the commands that fetch the files of `network` and start the kernel."""

    def interrupt(self, *, spam: bool) -> None:
        """Stop the countdown and get the prompt; with `spam`, send keys from power-on."""

    def run(self, command: str) -> None:
        """Run one command to its end."""

    def start(self, command: str) -> bool:
        """Run the command that starts the kernel.

        Return whether the kernel's first line has been seen already.
        """


class BoardDriver(Protocol):
    """One board, as the actions of its node use it. Only the node's thread calls it."""

    device: Device
    console: Console
    root: str  # precedes every path that tests use on the board
    shell: Shell | None  # while the board is booted
    boots: int  # number of boots that reached a shell

    def __init__(
        self,
        device: Device,
        console: Console,
        hardware: Hardware,
        step: Callable[[str], None],
        emit: Emit,
    ) -> None:
        """Control `device`; its power does not change yet.

        `step` gets a sentence on each step and raises `Cancelled` once the run is over;
        `emit` records an event of the node.
        """

    def deploy(
        self,
        image: Image,
        servers: Servers,
        deadline: Deadline,
        bundle: OverlayBundle | None = None,
    ) -> bool:
        """Put a disk image on the board; return whether the image contains `bundle`."""

    def deploy_kernel(
        self, files: BootFiles, servers: Servers, deadline: Deadline, bundle: OverlayBundle | None
    ) -> bool:
        """Prepare `files` for the next boots; return whether they contain `bundle`."""

    def boot(self, deadline: Deadline) -> Shell:
        """Boot what was deployed, with the retries of the device file."""

    def require_root(self) -> None:
        """Raise `BootError` unless the shell belongs to root."""

    def watched(self, activity: str = ...) -> AbstractContextManager[None]:
        """Return a context in which a crash, a reset or a shutdown ends every read."""

    def power_off(self) -> None:
        """Switch the board off, if it has a power switch."""


def load_boot_loader(name: str) -> type[BootLoader]:
    """Return the boot loader that a device file calls `name`.

    Raises `KeyError` if there is none, `InvalidJob` if it lacks a member of `BootLoader`.
    """
    return cast("type[BootLoader]", plugins.load(plugins.BOOT_LOADERS, name, BootLoader))
