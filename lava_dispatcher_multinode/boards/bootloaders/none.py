"""No boot loader to talk to: the board boots by itself to a kernel and a login prompt."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from ...errors import BootError
from ..linux import kernel_pattern

if TYPE_CHECKING:
    from ...console.expect import Dialogue
    from ...deadline import Deadline
    from ...lab.device_sections import Boot
    from ..deploy.tftp_boot import NetworkBoot


class NoBootLoader:
    """One boot without commands; see `driver.BootLoader`.

    Firmware and boot loaders may print what they like, countdowns included.
    """

    name: ClassVar[str] = "the kernel"
    reset_command: ClassVar[str] = "reboot -f"
    banners: ClassVar[tuple[str, ...]] = ()

    def __init__(self, dialogue: Dialogue, boot: Boot, deadline: Deadline) -> None:
        self._dialogue = dialogue
        self._boot = boot
        self._deadline = deadline

    @staticmethod
    def check_command(command: str) -> None:
        """Raise `BootError`: there is no prompt to type `command` at."""
        raise BootError(f"with 'bootloader: none', nothing is typed, so not '{command}' either")

    @staticmethod
    def network_commands(network: NetworkBoot) -> tuple[str, ...]:
        """Raise `BootError`: a boot loader fetches files."""
        del network
        raise BootError("with 'bootloader: none', no files are fetched over the network")

    def interrupt(self, *, spam: bool = False) -> None:
        """Interrupt nothing: a countdown runs to its end."""

    def run(self, command: str) -> None:
        """Raise `BootError`; see `check_command`."""
        self.check_command(command)

    def start(self, command: str) -> bool:
        """Wait for the first line of the kernel, or for a login prompt; return True."""
        del command
        seconds = self._boot.autoboot_timeout + self._boot.kernel_timeout
        limit = self._deadline.part(seconds, "boot.autoboot_timeout and boot.kernel_timeout")
        self._dialogue.expect(
            [kernel_pattern(self._boot.kernel_start)],
            timeout=limit,
            step=f"waited for the kernel's '{self._boot.kernel_start}' or a login prompt "
            "(check that the board boots by itself, and that console= names this port; "
            "boot.kernel_start may be another text that it prints)",
        )
        return True
