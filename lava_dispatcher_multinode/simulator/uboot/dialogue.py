"""U-Boot as it is met on the console: banner, countdown, prompt, line editing.

`uboot_commands.py` has the table of its commands.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ..dram import DataAbort, Dram
from ..fault_injection import Reset
from ..models import AFTER_BANNER, LAST_LINES
from . import hush

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ..models import Model
    from ..serial_line import Wire

LINE_LIMIT = 512  # CONFIG_SYS_CBSIZE
_RECURSION = 16
_ABORT = """data abort

    MAYBE you should read doc/README.arm-unaligned-accesses

pc : [<bff7d9c8>]\t   lr : [<bff6d3f4>]
sp : bfebde80  ip : 0000000f\t fp : 00000000
r10: {address:08x}  r9 : 00000000\t r8 : bfebdf38
Flags: nzCv  IRQs off  FIQs off  Mode SVC_32
Resetting CPU ...

resetting ...
"""


class Interrupted(Exception):
    """Ctrl-C was typed while a command ran."""


class UBoot:
    """U-Boot from its banner until a kernel starts, which is a `KernelStart`."""

    def __init__(self, wire: Wire, model: Model, card: Path, saved: dict[str, str] | None) -> None:
        from .uboot_commands import COMMANDS

        self.wire, self.model, self.card = wire, model, card
        self.dram = Dram(model.dram)
        self.environment = dict(model.environment if saved is None else saved)
        self.saved = saved  # what saveenv kept, None: nothing
        self.status = 0
        self._locals: dict[str, str] = {}
        self._commands: dict[str, Callable[[UBoot, list[str]], int]] = COMMANDS
        self._last = ""
        self._depth = 0
        self._typed = b""

    def run(self) -> None:
        """Live, until `KernelStart` or `Reset` is raised."""
        self.wire.text(self.model.spl)
        self.wire.text(self.model.banner)
        self.wire.mischief.reach("uboot")
        self.wire.text(AFTER_BANNER + LAST_LINES[self.model.name])
        try:
            if not self.wire.mischief.no_autoboot and not self._stopped():
                self._guarded("run bootcmd")
            while True:
                self._guarded(self._line())
        except DataAbort as abort:
            self.wire.text(_ABORT.format(address=abort.args[0]))
            raise Reset from abort

    def value(self, name: str) -> str:
        """Return a variable's value, "" if it is not set."""
        if name == "?":
            return str(self.status)
        return self._locals.get(name, self.environment.get(name, ""))

    def execute(self, line: str) -> int:
        """Run the commands of `line`; return the status of the last one."""
        try:
            commands = list(hush.split(line))
        except ValueError:
            self.wire.text("syntax error\n")
            self.status = 1
            return 1
        for command in commands:
            skipped = {"&&": self.status != 0, "||": self.status == 0}
            if skipped.get(command.after, False):
                continue
            self.status = self._one(hush.words(command.raw, self.value))
        return self.status

    def check_interrupt(self, seconds: float = 0.0) -> None:
        """Let `seconds` pass; raise `Interrupted` if Ctrl-C is typed meanwhile."""
        end = time.monotonic() + seconds
        while True:
            self._typed += self.wire.receive(max(0.0, end - time.monotonic()))
            if b"\x03" in self._typed:
                self._typed = self._typed.partition(b"\x03")[2]
                raise Interrupted
            if time.monotonic() >= end:
                return

    def _guarded(self, line: str) -> None:
        try:
            self.execute(line)
        except Interrupted:
            self.wire.text("<INTERRUPT>\n")
            self.status = 1

    def _one(self, words: list[str]) -> int:
        if not words:
            return 0
        name, equals, value = words[0].partition("=")
        if equals and name.isidentifier() and len(words) == 1:
            self._locals[name] = value
            return 0
        command = self._commands.get(words[0])
        if command is None:
            self.wire.text(f"Unknown command '{words[0]}' - try 'help'\n")
            return 1
        if self._depth >= _RECURSION:
            self.wire.text("too many nested commands\n")
            return 1
        self._depth += 1
        try:
            return command(self, words)
        finally:
            self._depth -= 1

    def _stopped(self) -> bool:
        """Count down; return whether a key was hit."""
        delay = self.wire.mischief.countdown
        if delay is None:
            text = self.environment.get("bootdelay", "3")
            delay = int(text) if text.isdecimal() else -1
        if delay < 0:
            return True
        self.wire.text(f"Hit any key to stop autoboot: {delay:2d} ")
        while delay > 0:
            key = self.wire.receive(1.0)
            if key:
                self._typed += key[1:]
                self.wire.text("\b\b\b 0 \n")
                return True
            delay -= 1
            self.wire.text(f"\b\b\b{delay:2d} ")
        self.wire.text("\n")
        return False

    def _line(self) -> str:
        """Prompt for a line with echo and editing; the last one again if it is empty."""
        self.wire.text(self.model.prompt)
        line = bytearray()
        while True:
            if not self._typed:
                self._typed = self.wire.receive(None)
            byte, self._typed = self._typed[0], self._typed[1:]
            if byte in b"\r\n":
                self.wire.text("\n")
                break
            if byte == 0x03:
                self.wire.text("<INTERRUPT>\n" + self.model.prompt)
                line.clear()
            elif byte in b"\b\x7f":
                if line:
                    line.pop()
                    self.wire.send(b"\b \b")
            elif byte in b"\x15\x18":
                self.wire.send(b"\b \b" * len(line))
                line.clear()
            elif byte >= 0x20:
                if len(line) < LINE_LIMIT - 1:  # the rest is lost, but echoed
                    line.append(byte)
                self.wire.send(bytes([byte]))
        text = line.decode("latin-1")
        self._last = text if text.strip() else self._last
        return self._last
