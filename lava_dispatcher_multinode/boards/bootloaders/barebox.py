"""The barebox dialogue: stop the countdown, type commands, start the kernel."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, ClassVar

from ...errors import BootError
from ..driver import CountdownMissed
from ..linux import kernel_pattern
from .command_line import (
    CTRL_C,
    ESCAPES,
    MIN_TYPING_ATTEMPTS,
    CommandLineLoader,
    joined,
    lines,
    settle,
)

if TYPE_CHECKING:
    from ...console.expect import Dialogue
    from ...deadline import Deadline
    from ...lab.device_sections import Boot
    from ..deploy.tftp_boot import NetworkBoot

#: `barebox@NAME OF THE BOARD:/ `, and the shell's prompt before a board sets that one.
KNOWN_PROMPT = rb"barebox@[^\r\n]{1,100}:/[^\r\n ]{0,100}"
COUNTDOWN = rb"Hit (?:any key|m for menu or any)|to stop autoboot"
SILENCE_S = 5.0  # without output, after which a key is sent without a countdown
SPAM_INTERVAL_S = 0.2  # between keys from power-on, if a countdown was missed
SAME_COUNTDOWN_S = 1.0  # a countdown's text that repeats within it is the same countdown
LONG_TIMEOUT_S = 300.0
LONG = re.compile(r"\b(?:boot|bootm|cp|dhcp|tftp|usb|wget|detect|mount)\b")
ASK_STATUS = "lava_rc=$?; echo lava_rc=$lava_rc"
ASK_STATUS_AGAIN = "echo lava_rc=$lava_rc"
STATUS = re.compile(rb"lava_rc=(-?\d{1,3})[\r\n]")


class BareboxLoader(CommandLineLoader):
    """One boot by barebox, from power-on to the kernel's first line; see `driver.BootLoader`."""

    name: ClassVar[str] = "barebox"
    banners: ClassVar[tuple[str, ...]] = (r"barebox \d{4}\.\d\d",)

    def __init__(self, dialogue: Dialogue, boot: Boot, deadline: Deadline) -> None:
        texts = [re.escape(text.rstrip().encode()) for text in boot.prompts]
        texts += [KNOWN_PROMPT] if boot.known_prompts else []
        prompt = rb"(?:^|[\r\n])" + ESCAPES + rb"(?:" + b"|".join(texts or [rb"(?!)"]) + rb") ?"
        super().__init__(dialogue, boot, deadline, prompt)

    @staticmethod
    def seconds_for(command: str) -> float:
        """Return the time limit of `command` where the device file has none."""
        return LONG_TIMEOUT_S if LONG.search(command) else CommandLineLoader.seconds_for(command)

    @staticmethod
    def network_commands(network: NetworkBoot) -> tuple[str, ...]:
        """Return the lines that fetch the files over TFTP and start the kernel."""
        tftp, files = network.settings, network.files
        found = [*tftp.setup, f"global net.server={network.host}", "mkdir -p /mnt/lava"]
        found.append(f"mount -t tftp -o port={tftp.port} {network.host} /mnt/lava")
        found += [f"cp /mnt/lava/{file.path} /{name}" for name, file in files.items()]
        if tftp.bootargs:
            found.append(f"global linux.bootargs.lava='{tftp.bootargs}'")
        options = {"ramdisk": "-r /ramdisk ", "dtb": "-o /dtb "}
        return (*found, f"bootm {''.join(options[n] for n in options if n in files)}/kernel")

    def interrupt(self, *, spam: bool = False) -> None:
        """Stop the countdown and get the prompt; with `spam`, send keys from power-on."""
        limit = self._deadline.part(self._boot.autoboot_timeout, "boot.autoboot_timeout")
        countdown = COUNTDOWN + b"|" + re.escape(self._boot.interrupt.encode())
        patterns = [self._prompt, countdown, kernel_pattern(self._boot.kernel_start)]
        key = self._boot.interrupt_command.encode()
        stopped_at = -SAME_COUNTDOWN_S
        while limit.left:
            wait = SPAM_INTERVAL_S if spam else SILENCE_S
            before = self._dialogue.console.tail()
            found = self._dialogue.expect_or_none(patterns, timeout=min(wait, limit.left))
            if found is None:
                if spam or self._dialogue.console.tail() == before:
                    self._dialogue.send(key or CTRL_C)
            elif found.index == 0:
                settle(self._dialogue)
                return
            elif found.index == 2:
                raise CountdownMissed(
                    self._dialogue.explain(
                        "a kernel started before barebox could be stopped: check that this board "
                        f"prints boot.interrupt ('{self._boot.interrupt}')"
                    )
                )
            elif time.monotonic() >= stopped_at + SAME_COUNTDOWN_S:
                self._dialogue.send(key + b"\r" if key else CTRL_C)
                stopped_at = time.monotonic()
        raise BootError(
            self._dialogue.explain(
                f"neither barebox's countdown nor its prompt within {limit}: check that the "
                "power switch restarts this board, and boot.interrupt and boot.prompts"
            )
        )

    def run(self, command: str) -> None:
        """Run one command; `BootError` if its status is not 0."""
        limit = self._type(command)
        found = self._expect_prompt([self._banner(command), self._prompt], command, limit)
        if found.index == 0:
            raise self._error(command, "the board started again")
        if status := self._status():
            raise self._error(command, self._reason(found.before, f"status {status}"))

    def start(self, command: str) -> bool:
        """Run the command that boots; return True at the kernel's first line."""
        limit = self._type(command)
        patterns = [
            self._prompt,
            self._banner(command),
            kernel_pattern(self._boot.kernel_start),
        ]
        found = self._dialogue.expect(
            patterns, timeout=limit, step=f"waited for the kernel after '{command}'"
        )
        if found.index == 0:
            reason = self._reason(found.before, "it came back to the prompt")
            raise self._error(command, reason)
        if found.index == 1:
            raise self._error(command, self._reason(found.before, "the board started again"))
        return True

    def _banner(self, command: str) -> bytes:
        """Return what shows an unwanted restart of the board during `command`."""
        wanted = re.search(r"\b(?:reset|go|version)\b", command)
        return rb"(?!)" if wanted else rb"[\r\n]" + self.banners[0].encode()

    @staticmethod
    def _reason(output: bytes, text: str) -> str:
        quoted = joined(lines(re.sub(rb"\x1b\[[0-9;?]*[A-Za-z]", b"", output)))
        return f"{quoted} ({text})" if quoted else text

    def _status(self) -> int:
        """Return the status of the last command."""
        question = ASK_STATUS
        for _ in range(MIN_TYPING_ATTEMPTS):
            limit = self._type(question)
            answer = self._expect_prompt([self._prompt], question, limit).before
            if found := STATUS.search(answer):
                return int(found[1])
            question = ASK_STATUS_AGAIN
        raise BootError(
            self._dialogue.explain(
                "barebox: the status of the last command is not readable: the line may lose "
                "characters; set connection.character_delay"
            )
        )
