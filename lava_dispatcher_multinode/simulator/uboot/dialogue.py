"""U-Boot's console: banner, countdown, prompt and line editing.

The board passes in the commands; `uboot_commands.py` has their table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..dram import DataAbort, Dram
from ..faults import Reset
from . import hush

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from ...lab.device_sections import SimulatedFirmware
    from ..serial_line import SerialLine

    Command = Callable[["SimulatedUBoot", list[str]], int]

CONTINUATION = "> "  # prompt within a quote or control flow
MAX_LINE_CHARS = 512  # CONFIG_SYS_CBSIZE
_MAX_NESTING = 16  # commands that run commands
_ABORT = """data abort

    MAYBE you should read doc/README.arm-unaligned-accesses

pc : [<bff7d9c8>]\t   lr : [<bff6d3f4>]
sp : bfebde80  ip : 0000000f\t fp : 00000000
r10: {address:08x}  r9 : 00000000\t r8 : bfebdf38
Flags: nzCv  IRQs off  FIQs off  Mode SVC_32
Resetting CPU ...

resetting ...
"""


class CommandFailed(Exception):
    """A command ends with status 1; the argument is the text that it prints."""


class Interrupted(Exception):
    """Ctrl-C was typed while a command ran."""


AFTER_BANNER = "In:    serial\nOut:   serial\nErr:   serial\n"
#: Variables of every simulated board.
COMMON_ENVIRONMENT = {
    "baudrate": "115200",
    "bootdelay": "3",
    "bootfile": "uImage",
    "mmcdev": "0",
    "mmcroot": "/dev/mmcblk0p2 rw",
    "mmcrootfstype": "ext3 rootwait",
    "mmcargs": "setenv bootargs console=${console} root=${mmcroot} rootfstype=${mmcrootfstype}",
    "loadaddr": "0x82000000",
    "loaduimage": "fatload mmc ${mmcdev} ${loadaddr} ${bootfile}",
    "mmcboot": "echo Booting from mmc${mmcdev} ...; run mmcargs; bootm ${loadaddr}",
    "bootcmd": "mmc rescan; run loaduimage && run mmcboot",
    "stdin": "serial",
    "stdout": "serial",
    "stderr": "serial",
}


class SimulatedUBoot:
    """U-Boot from its banner to the start of a kernel.

    `saved` is the environment that an earlier `saveenv` stored, None if there is none.
    A command gets this object and its words, and returns its status or raises `CommandFailed`.
    """

    def __init__(
        self,
        serial: SerialLine,
        firmware: SimulatedFirmware,
        card: Path,
        saved: dict[str, str] | None,
        commands: Mapping[str, Command],
    ) -> None:
        self.serial, self.firmware, self.card = serial, firmware, card
        self.dram = Dram(firmware.memory << 20)
        console = {"console": f"{firmware.serial_port},115200n8"}
        initial = {**COMMON_ENVIRONMENT, **console, **firmware.environment}
        self.environment = initial if saved is None else dict(saved)
        self.saved = saved
        self.status = 0
        self._locals: dict[str, str] = {}
        self._commands = commands
        self._last = ""
        self._nesting = 0
        self._typed = b""

    def run(self) -> None:
        """Run until a command raises `KernelStart` or `Reset`."""
        self.serial.write_text(self.firmware.spl)
        self.serial.write_text(self.firmware.banner)
        self.serial.faults.checkpoint("uboot")
        self.serial.write_text(AFTER_BANNER + self.firmware.last_lines)
        try:
            if not self.serial.faults.no_autoboot and not self._countdown_stopped():
                self._run_line("run bootcmd")
            while True:
                self._run_line(self._read_command())
        except DataAbort as abort:
            self.serial.write_text(_ABORT.format(address=abort.args[0]))
            raise Reset from abort

    def value(self, name: str) -> str:
        """Return the value of a variable, "" if it is not set."""
        if name == "?":
            return str(self.status)
        return self._locals.get(name, self.environment.get(name, ""))

    def execute(self, line: str) -> int:
        """Run the commands of `line`; return the status of the last one."""
        try:
            block = hush.parse(line)
        except ValueError:
            self.serial.write_text("syntax error\n")
            self.status = 0
            return 1
        return self._run_block(block)

    def _run_block(self, block: hush.Block) -> int:
        """Run statements; return the status of the last one.

        What follows a skipped one is skipped up to the next `;`, as in U-Boot:
        `false && a || b` runs neither.
        """
        skips = False
        for after, statement in block:
            failed = self.status != 0
            skips = after != ";" and (skips or failed is (after == "&&"))
            if not skips:
                self.status = self._run_statement(statement)
        return self.status

    def _run_statement(self, statement: str | hush.If | hush.For | hush.Loop) -> int:
        if isinstance(statement, str):
            return self._run_command(hush.words(statement, self.value))
        if isinstance(statement, hush.If):
            for condition, body in statement.branches:
                if self._run_block(condition) == 0:
                    return self._run_block(body)
            return self._run_block(statement.otherwise)
        if isinstance(statement, hush.For):
            words = hush.words(statement.raw, self.value)
            self.status = self.status if words else 0
            for word in words:
                self.check_interrupt()
                self._locals[statement.name] = word
                self._run_block(statement.body)
            return self.status
        while (self._run_block(statement.condition) != 0) is statement.until:
            self.check_interrupt()
            self._run_block(statement.body)
        return self.status

    def check_interrupt(self) -> None:
        """Raise `Interrupted` if Ctrl-C has been typed."""
        self._typed += self.serial.receive(0.0)
        if b"\x03" in self._typed:
            self._typed = self._typed.partition(b"\x03")[2]
            raise Interrupted

    def _run_line(self, line: str) -> None:
        try:
            self.execute(line)
        except Interrupted:
            self.serial.write_text("<INTERRUPT>\n")
            self.status = 1

    def _run_command(self, words: list[str]) -> int:
        if not words:
            return 0
        name, equals, value = words[0].partition("=")
        if equals and name.isidentifier() and len(words) == 1:
            self._locals[name] = value
            return 0
        self._nesting += 1
        try:
            if words[0] not in self._commands:
                raise CommandFailed(f"Unknown command '{words[0]}' - try 'help'\n")
            if self._nesting > _MAX_NESTING:
                raise CommandFailed("too many nested commands\n")
            return self._commands[words[0]](self, words)
        except CommandFailed as failed:
            self.serial.write_text(str(failed))
            return 1
        finally:
            self._nesting -= 1

    def _countdown_stopped(self) -> bool:
        """Count down; return True if a key was hit."""
        delay = self.serial.faults.countdown
        if delay is None:
            text = self.environment.get("bootdelay", "3")
            delay = int(text) if text.isdecimal() else -1
        if delay < 0:
            return True
        self.serial.write_text(f"Hit any key to stop autoboot: {delay:2d} ")
        while delay > 0:
            key = self.serial.receive(1.0)
            if key:
                self._typed += key[1:]
                self.serial.write_text("\b\b\b 0 \n")
                return True
            delay -= 1
            self.serial.write_text(f"\b\b\b{delay:2d} ")
        self.serial.write_text("\n")
        return False

    def _read_command(self) -> str:
        """Read a line and those that continue it; an empty line repeats the last command."""
        text = self._read_line(self.firmware.prompt) or ""
        while True:
            try:
                hush.parse(text)
            except hush.Incomplete:
                if (more := self._read_line(CONTINUATION)) is not None:
                    text += "\n" + more
                    continue
                text = self._read_line(self.firmware.prompt) or ""
            except ValueError:
                return text
            else:
                self._last = text if text.strip() else self._last
                return self._last

    def _read_line(self, prompt: str) -> str | None:
        """Prompt for a line, with echo and editing; None if Ctrl-C ends a continued command."""
        self.serial.write_text(prompt)
        line = bytearray()
        while True:
            if not self._typed:
                self._typed = self.serial.receive(None)
            byte, self._typed = self._typed[0], self._typed[1:]
            if byte in b"\r\n":
                self.serial.write_text("\n")
                break
            if byte == 0x03:
                self.serial.write_text("<INTERRUPT>\n")
                if prompt == CONTINUATION:
                    return None
                self.serial.write_text(prompt)
                line.clear()
            elif byte in b"\b\x7f":
                if line:
                    line.pop()
                    self.serial.write(b"\b \b")
            elif byte in b"\x15\x18":
                self.serial.write(b"\b \b" * len(line))
                line.clear()
            elif byte >= 0x20:
                if len(line) < MAX_LINE_CHARS - 1:  # further characters are echoed, then lost
                    line.append(byte)
                self.serial.write(bytes([byte]))
        return line.decode("latin-1")
