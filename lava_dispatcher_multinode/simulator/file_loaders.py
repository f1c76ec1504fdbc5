"""Stand-ins for boot loaders that start a kernel by the name of its file: GRUB and barebox.

They find the files of `images.card`'s third partition, whatever directory a command names.
"""

from __future__ import annotations

import re
import shlex
import time
from itertools import groupby
from typing import TYPE_CHECKING, ClassVar

from ..errors import DeployError
from . import sd_card
from .faults import Reset
from .uboot.boot_commands import KernelStart

if TYPE_CHECKING:
    from pathlib import Path

    from ..lab.device_sections import SimulatedFirmware
    from .serial_line import SerialLine

BOOT_PARTITION = 3
MAX_LINE_BYTES = 4096
_VARIABLE = re.compile(r"\$\{?(\w+|\?)\}?")
COUNTDOWN_S = 3
DROP_LINE = (b"\x03", b"\x15")  # Ctrl-C, Ctrl-U


class CommandError(Exception):
    """A command failed, with the text that the boot loader prints."""


class FileLoader:
    """A boot loader from its banner to the start of a kernel."""

    prompt: ClassVar[str]
    default: ClassVar[tuple[str, ...]]  # the lines that boot without a key

    def __init__(self, serial: SerialLine, firmware: SimulatedFirmware, card: Path) -> None:
        self.serial, self.firmware, self.card = serial, firmware, card
        self.status = 0
        self.variables: dict[str, str] = {}
        self.kernel: str | None = None
        self.arguments = ""
        self.ramdisk = False
        self._typed = b""

    def run(self) -> None:
        """Run until a command raises `KernelStart` or `Reset`."""
        self.print_banner()
        self.serial.faults.checkpoint("uboot")
        if not self.serial.faults.no_autoboot and not self.is_stopped():
            bootargs = (
                f"console={self.firmware.serial_port},115200n8 root=LABEL=testrootfs rootwait"
            )
            for line in self.default:
                self.execute(line.format(bootargs=bootargs))
        while True:
            self.serial.write_text(self.prompt)
            self.execute(self.read_line())

    def print_banner(self) -> None:
        """Print what comes before the countdown."""
        raise NotImplementedError

    def is_stopped(self) -> bool:
        """Count down; return whether a key opened the command line."""
        raise NotImplementedError

    def echo(self, character: str, column: int) -> str:
        """Return the echo of a typed character in a column of the line."""
        del column
        return character

    def run_command(self, words: list[str]) -> None:
        """Run one command; raise `CommandError`."""
        raise NotImplementedError

    def wait_for_key(self, seconds: float) -> bytes:
        """Return the next typed byte; b"" after `seconds`."""
        end = time.monotonic() + seconds
        while not self._typed and (left := end - time.monotonic()) > 0:
            self._typed += self.serial.receive(left)
        key, self._typed = self._typed[:1], self._typed[1:]
        return key

    def countdown(self) -> int:
        """Return the seconds of the countdown."""
        fault = self.serial.faults.countdown
        return COUNTDOWN_S if fault is None else fault

    def read_line(self) -> str:
        """Return a typed line, echoed."""
        line = ""
        while True:
            while not self._typed:
                self._typed += self.serial.receive(None)
            key, self._typed = self._typed[:1], self._typed[1:]
            if key in (b"\r", b"\n"):
                self.serial.write_text("\n")
                return line
            if key in DROP_LINE:
                line = self.drop_line()
            elif key >= b" " and len(line) < MAX_LINE_BYTES:
                self.serial.write_text(self.echo(key.decode("latin-1"), len(line)))
                line += key.decode("latin-1")

    def drop_line(self) -> str:
        """Show an empty line; return it."""
        self.serial.write_text("\n" + self.prompt)
        return ""

    def execute(self, line: str) -> None:
        """Run the commands of a line, which `;` separates."""
        lexer = shlex.shlex(line, posix=True, punctuation_chars=";")
        lexer.whitespace_split, lexer.commenters = True, ""
        try:
            tokens = list(lexer)
        except ValueError as error:  # an open quote
            self.serial.write_text(f"{error}\n")
            self.status = 1
            return
        for end, command in groupby(tokens, lambda word: not word.strip(";")):
            words = [_VARIABLE.sub(lambda it: self.value(it[1]), word) for word in command]
            if end:
                continue
            try:
                self.run_command(words)
                self.status = 0
            except CommandError as error:
                self.serial.write_text(f"{error}\n")
                self.status = 1

    def value(self, name: str) -> str:
        """Return the value of a variable, "" if it is not set."""
        return str(self.status) if name == "?" else self.variables.get(name, "")

    def file(self, path: str) -> str:
        """Return the name of a file that is on the card; raise `FileNotFoundError`."""
        name = path.rpartition("/")[2]
        part = sd_card.partition(self.card, BOOT_PARTITION)
        if part is None:
            raise FileNotFoundError(path)
        try:
            with sd_card.open_fat(self.card, part) as volume:
                volume.find(name)
        except (DeployError, FileNotFoundError, sd_card.NoCard) as error:
            raise FileNotFoundError(path) from error
        return name

    def start(self) -> None:
        """Start the kernel."""
        raise KernelStart(self.arguments, self.ramdisk)


class SimulatedGrub(FileLoader):
    """GRUB on a serial console, with its cursor movements."""

    prompt = "grub> "
    default = ("linux /uImage {bootargs}", "initrd /uInitrd", "boot")

    def print_banner(self) -> None:
        """Print the menu."""
        self.serial.write_text(
            "\x1b[H\x1b[J\x1b[1;1H\x1b[2;24HGNU GRUB  version 2.06\n\n"
            "\x1b[7m*Linux\x1b[m\n\n      Use the ^ and v keys to select which entry is "
            "highlighted.\n      Press enter to boot the selected OS, `e' to edit the commands\n"
            "      before booting or `c' for a command-line.\n"
        )

    def is_stopped(self) -> bool:
        """Wait for the key that opens the command line; another key ends the countdown."""
        seconds: float = self.countdown()
        self.serial.write_text(
            f"   The highlighted entry will be executed automatically in {seconds:g}s."
        )
        while key := self.wait_for_key(seconds):
            if key == b"c":
                self.serial.write_text("\x1b[H\x1b[J\x1b[1;1H\n")
                return True
            if key == b"\r":
                return False
            seconds = float("inf")
        return False

    def echo(self, character: str, column: int) -> str:
        """Return the character between movements of the cursor."""
        at = (len(self.prompt) + column) % 80 + 1
        return f"\x1b[24;{at}H{character}\x1b[24;{at % 80 + 1}H"

    def drop_line(self) -> str:
        """Remove the line; GRUB prints no new prompt."""
        self.serial.write_text(f"\x1b[24;{len(self.prompt) + 1}H\x1b[K")
        return ""

    def run_command(self, words: list[str]) -> None:
        """Run one of GRUB's commands."""
        name, *operands = words
        if name == "echo":
            self.serial.write_text(" ".join(operands) + "\n")
        elif name == "linux":
            self.kernel = self._file(operands)
            self.arguments = " ".join(operands[1:])
        elif name == "initrd":
            self._file(operands)
            if self.kernel is None:
                raise CommandError("error: you need to load the kernel first.")
            self.ramdisk = True
        elif name == "boot":
            if self.kernel is None:
                raise CommandError("error: you need to load the kernel first.")
            self.start()
        elif name == "reboot":
            raise Reset
        elif name not in {"set", "search", "insmod"}:
            raise CommandError(f"error: can't find command `{name}'.")

    def _file(self, operands: list[str]) -> str:
        if not operands:
            raise CommandError("error: filename expected.")
        try:
            return self.file(operands[0])
        except FileNotFoundError:
            raise CommandError(f"error: file `{operands[0]}' not found.") from None


class SimulatedBarebox(FileLoader):
    """Barebox's command line; it was not compared with a real one."""

    prompt = "barebox@Stand-in board:/ "
    default = ("global linux.bootargs.lava='{bootargs}'", "bootm -r /boot/uInitrd /boot/uImage")

    def print_banner(self) -> None:
        """Print the version."""
        self.serial.write_text("\n\nbarebox 2024.05.0 #1\n\n\nBoard: Stand-in board\n")

    def is_stopped(self) -> bool:
        """Count down; any key stops."""
        self.serial.write_text("\nHit m for menu or any to stop autoboot: ")
        for left in range(self.countdown(), 0, -1):
            self.serial.write_text(f"\b\b\b\b{left:4d}")
            if self.wait_for_key(1.0):
                self.serial.write_text("\n")
                return True
        self.serial.write_text("\n")
        return False

    def run_command(self, words: list[str]) -> None:
        """Run one of barebox's commands."""
        name, *operands = words
        variable, equals, value = name.partition("=")
        if equals and not operands:
            self.variables[variable] = value
        elif name == "echo":
            self.serial.write_text(" ".join(operands) + "\n")
        elif name == "global":
            self.variables.update(word.partition("=")[::2] for word in operands)
        elif name == "bootm":
            self._boot(operands)
        elif name == "reset":
            raise Reset
        else:
            raise CommandError(f"{name}: command not found")

    def _boot(self, operands: list[str]) -> None:
        options = dict(zip(operands[::2], operands[1::2], strict=False))
        try:
            if ramdisk := options.get("-r"):
                self.ramdisk = bool(self.file(ramdisk))
            self.kernel = self.file(operands[-1] if operands else "")
        except FileNotFoundError as error:
            raise CommandError(f"could not open {error}: No such file or directory") from None
        kept = sorted(self.variables.items())
        self.arguments = " ".join(text for key, text in kept if key.startswith("linux.bootargs"))
        self.serial.write_text("\nLoading ARM Linux zImage\n")
        self.start()
