"""The U-Boot dialogue: stop the countdown, type commands, start the kernel."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ..console.transcript import printable
from ..errors import BootError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..console.expect import Dialogue, Found
    from ..deadline import Deadline
    from ..lab.device import Boot

#: What boards of these types are known to print; `boot.prompts` comes on top.
KNOWN_PROMPTS = (
    "Panda # ",
    "OMAP3 beagleboard.org # ",
    "BeagleBoard # ",
    "U-Boot> ",
    "U-Boot# ",
    "=> ",
)

#: What U-Boot prints when a command did not work; its commands have no other sign.
ERRORS = (
    "Unknown command '",
    "** Unable to read",
    "** Bad device",
    "** Invalid partition",
    "** No partition table",
    "** No boot file defined",
    "File not found",
    "no mmc device at slot",
    "Wrong Image Format for boot",
    "ERROR: can't get kernel image",
    "Wrong Ramdisk Image Format",
    "Ramdisk image is corrupt or invalid",
    "Bad Magic Number",
    "Bad Header Checksum",
    "Bad Data CRC",
    "Bad Linux ARM zImage magic",
    "ERROR: Did not find a cmdline Flattened Device Tree",
    "data abort",
    "Resetting CPU",
    "Must RESET board to recover",
    "ERROR: The remote end did not respond in time",
    "Retry count exceeded",
    "Retry time exceeded",
    "TIMEOUT",
)

#: Those after which it does not go on. `boot` may try a boot.scr that is not
#: there, complain, and boot all the same.
FATAL = (
    "Unknown command '",
    "data abort",
    "Resetting CPU",
    "Must RESET board to recover",
)

AUTOBOOT_WAIT = 60.0  # seconds from power-on to the countdown
PROMPT_WAIT = 10.0
COMMAND_WAIT = 60.0
KERNEL_WAIT = 60.0
ECHO_WAIT = 5.0
FIFO = 16  # bytes that a UART holds: never more unechoed at once
TRIES = 3
CTRL_C = b"\x03"


class UBoot:
    """One board's U-Boot, from power-on to `Starting kernel`."""

    def __init__(self, dialogue: Dialogue, boot: Boot, deadline: Deadline) -> None:
        self._dialogue = dialogue
        self._boot = boot
        self._deadline = deadline
        prompts = dict.fromkeys((*boot.prompts, *KNOWN_PROMPTS))
        texts = b"|".join(re.escape(prompt.rstrip().encode()) for prompt in prompts)
        self._prompt = rb"(?:^|[\r\n])(?:" + texts + rb") ?"
        self._errors = _any_of(ERRORS)
        self._fatal = _any_of(FATAL)

    def interrupt(self) -> None:
        """Stop the countdown and get the prompt."""
        text = self._boot.interrupt.encode()
        half = len(text) // 2
        # Either half will do: a garbled character must not cost the boot.
        countdown = re.escape(text[:half]) + b"|" + re.escape(text[half:])
        missed = b"Starting kernel|" + re.escape(self._boot.kernel_start.encode())
        found = self._expect(
            [countdown, missed, self._prompt],
            AUTOBOOT_WAIT,
            f"U-Boot's '{self._boot.interrupt}'",
        )
        if found.index == 1:
            raise BootError(
                self._dialogue.explain(
                    f"a kernel started before U-Boot's '{self._boot.interrupt}' was seen: "
                    "is boot.interrupt what this board prints?"
                )
            )
        if found.index == 0:
            # The key that stops the countdown is eaten with it: one, and the board
            # is at an empty command line.
            self._dialogue.send(self._boot.interrupt_command.encode() + b"\r")
            self._expect([self._prompt], PROMPT_WAIT, "U-Boot's prompt after stopping autoboot")

    def run(self, command: str) -> None:
        """Run one command; `BootError` if it prints an error."""
        self._type(command)
        found = self._expect(
            [self._errors, self._prompt], COMMAND_WAIT, f"U-Boot's prompt after '{command}'"
        )
        if found.index == 0:
            raise self._refused(command, found)

    def start(self, command: str) -> bool:
        """Run the command that boots; return when the kernel is started.

        Return whether its first line has been seen already.
        """
        self._type(command)
        kernel = re.escape(self._boot.kernel_start.encode()) or rb"(?!)"
        found = self._expect(
            [self._fatal, self._prompt, kernel, rb"Starting kernel"],
            KERNEL_WAIT,
            f"'Starting kernel' after '{command}'",
        )
        if found.index == 0:
            raise self._refused(command, found)
        if found.index == 1:
            error = re.search(rb"[^\r\n]*" + self._errors + rb"[^\r\n]*", found.before)
            reason = "came back to the prompt without starting a kernel"
            if error is not None:
                reason = f"failed: {printable(error.group().strip())}"
            raise BootError(self._dialogue.explain(f"U-Boot: '{command}' {reason}"))
        return found.index == 2

    def _type(self, command: str) -> None:
        """Type a line, its echo checked piece by piece, and one carriage return.

        One: an empty line would make U-Boot repeat its last command.
        """
        for _ in range(TRIES):
            if all(self._echoed(piece) for piece in _pieces(command)):
                self._dialogue.send(b"\r")
                return
            self._dialogue.send(CTRL_C)  # drops the garbled line
            self._expect([self._prompt], PROMPT_WAIT, "U-Boot's prompt after Ctrl-C")
        raise BootError(
            self._dialogue.explain(
                f"U-Boot: '{command}' was echoed wrongly {TRIES} times: "
                "does the line lose characters?"
            )
        )

    def _echoed(self, piece: bytes) -> bool:
        self._dialogue.send(piece)
        letters = (re.escape(piece[i : i + 1]) for i in range(len(piece)))
        wait = self._deadline.within(ECHO_WAIT)
        # A narrow terminal breaks the echo, wherever it likes. Anything else
        # before it is a character that was not typed.
        found = self._dialogue.expect_or_none([b"[\r\n]*".join(letters)], timeout=wait)
        return found is not None and not found.before.strip()

    def _expect(self, patterns: Sequence[bytes], seconds: float, what: str) -> Found:
        return self._dialogue.expect(
            patterns, timeout=self._deadline.within(seconds), step=f"waited for {what}"
        )

    def _refused(self, command: str, found: Found) -> BootError:
        rest = self._dialogue.expect_or_none([rb"[\r\n]"], timeout=1.0)
        line = found.before.rpartition(b"\n")[2] + found.match.group()
        line += rest.before if rest else b""
        return BootError(
            self._dialogue.explain(f"U-Boot: '{command}' failed: {printable(line.strip())}")
        )


def _pieces(command: str) -> list[bytes]:
    data = command.encode()
    return [data[start : start + FIFO] for start in range(0, len(data), FIFO)]


def _any_of(texts: Sequence[str]) -> bytes:
    return rb"(?i:" + b"|".join(re.escape(text.encode()) for text in texts) + rb")"
