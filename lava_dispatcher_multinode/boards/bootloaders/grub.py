"""The GRUB dialogue on a serial console: the menu, the command line, the start of the kernel.

GRUB draws with cursor movements, which the console's reader has removed, and breaks a typed line
at the width of the terminal.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar

from ...errors import BootError
from ..driver import CountdownMissed
from ..linux import kernel_pattern
from .command_line import CommandLineLoader, joined, lines, settle

if TYPE_CHECKING:
    from ...console.expect import Dialogue, Found
    from ...deadline import Deadline
    from ...lab.device_sections import Boot
    from ..deploy.tftp_boot import NetworkBoot

PROMPT = rb"(?:^|[\r\n])grub> *\Z"
RESCUE = rb"(?:^|[\r\n])grub rescue> *\Z"
MENU = rb"Use the .{1,40} keys to select|highlighted entry will be executed"
#: GRUB's errors; `$?` is 0 after some of them, so the text decides.
ERROR = re.compile(rb"(?:^|[\r\n])(error: [^\r\n]+)")
PAUSED = rb"Press any key to continue"
OPEN_COMMAND_LINE = b"c"
SHOW_MENU = b"\x1b"  # a hidden menu appears; in the menu and at the prompt it does no harm
DROP_LINE = b"\x15"
KEY_INTERVAL_S = 0.5  # between keys that show a hidden menu
ASK_AFTER_S = 5.0  # without output, after which an empty line asks for the prompt
SLOW_COMMAND_S = 120.0  # loads from a disk or over the network
DEFAULT_TIMEOUT_S = 30.0
_SLOW = re.compile(
    r"\b(?:linux|linux16|linuxefi|initrd|initrd16|initrdefi|chainloader|boot|net_\w+)"
)
_LOADS = re.compile(r"\b(?:linux|initrd)(?:16|efi)?\b")


class GrubLoader(CommandLineLoader):
    """One boot by GRUB, from power-on to the kernel; see `driver.BootLoader`."""

    name: ClassVar[str] = "GRUB"
    reset_command: ClassVar[str] = "reboot"
    banners: ClassVar[tuple[str, ...]] = (r"GNU GRUB +version \d", "Welcome to GRUB")

    def __init__(self, dialogue: Dialogue, boot: Boot, deadline: Deadline) -> None:
        super().__init__(dialogue, boot, deadline, PROMPT)

    @staticmethod
    def network_commands(network: NetworkBoot) -> tuple[str, ...]:
        """Raise `BootError`: deploys over the network are not supported with GRUB."""
        del network
        raise BootError("with 'bootloader: grub', no files are deployed over the network")

    @staticmethod
    def seconds_for(command: str) -> float:
        """Return the time limit of `command` where the device file has none."""
        return SLOW_COMMAND_S if _SLOW.match(command) else DEFAULT_TIMEOUT_S

    def interrupt(self, *, spam: bool = False) -> None:
        """Open the command line from the menu; with `spam`, make a hidden menu appear first."""
        limit = self._deadline.part(self._boot.autoboot_timeout, "boot.autoboot_timeout")
        kernel = kernel_pattern(self._boot.kernel_start)
        patterns = [self._prompt, RESCUE, kernel, MENU]
        hidden = spam
        while limit.left:
            wait = min(KEY_INTERVAL_S, limit.left) if hidden else limit.left
            found = self._dialogue.expect_or_none(patterns, timeout=wait)
            if found is None:
                self._dialogue.send(SHOW_MENU)
            elif found.index == 0:
                return
            elif found.index == 1:
                raise BootError(
                    self._dialogue.explain(
                        "GRUB ended at its rescue prompt: it does not find its own files; check "
                        "the disk and its partitions"
                    )
                )
            elif found.index == 2:
                text = "a kernel started before GRUB could be stopped: make GRUB show its menu"
                raise CountdownMissed(
                    self._dialogue.explain(f"{text} on the serial console for some seconds")
                )
            else:
                hidden = False
                settle(self._dialogue, b"")  # GRUB reads keys when the menu is complete
                self._dialogue.send(OPEN_COMMAND_LINE)
        raise BootError(
            self._dialogue.explain(
                f"neither GRUB's menu nor its prompt within {limit}: check that the power switch "
                "restarts this board, and that GRUB uses the serial console (terminal_input and "
                "terminal_output)"
            )
        )

    def run(self, command: str) -> None:
        """Run one command; `BootError` if GRUB prints an error."""
        limit = self._type(command)
        found = self._expect_prompt([RESCUE, self._prompt], command, limit)
        if found.index == 0 or ERROR.search(found.before):
            raise self._command_error(command, found.before)

    def start(self, command: str) -> bool:
        """Run the command that boots; return True when the kernel's first line has been seen."""
        limit = self._type(command)
        kernel = kernel_pattern(self._boot.kernel_start)
        found = self._dialogue.expect(
            [kernel, self._prompt, PAUSED],
            timeout=limit,
            step=f"waited for the kernel's '{self._boot.kernel_start}' after '{command}' "
            "(check that console= names this port)",
        )
        # A list of commands goes on after a failed load, to a kernel without its ramdisk.
        if found.index or (_LOADS.search(command) and ERROR.search(found.before)):
            raise self._command_error(command, found.before)
        return True

    def _command_error(self, command: str, output: bytes) -> BootError:
        came_back = "it came back to the prompt without starting a kernel"
        said = joined(ERROR.findall(output) or lines(output))
        return self._error(command, said or came_back)

    def _drop_line(self) -> None:
        """Empty the line; GRUB prints no new prompt."""
        settle(self._dialogue, DROP_LINE)

    def _expect_prompt(self, patterns: list[bytes], command: str, limit: Deadline) -> Found:
        """Wait for one of `patterns`; after a silence, an empty line asks for the prompt."""
        while limit.left > ASK_AFTER_S:
            found = self._dialogue.expect_or_none(patterns, timeout=ASK_AFTER_S)
            if found is not None:
                return found
            self._dialogue.send(b"\r")
        return self._dialogue.expect(
            patterns, timeout=limit, step=f"waited for GRUB's prompt after '{command}'"
        )
