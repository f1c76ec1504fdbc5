"""Boot loaders with a command line: typing with a check of the echo, the prompt, limits."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, ClassVar

from ...console.expect import echo_pattern
from ...console.transcript import printable
from ...errors import BootError
from ..driver import BootCommandFailed
from .prompt_expressions import with_expressions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...console.expect import Dialogue, Found
    from ...deadline import Deadline
    from ...lab.device_sections import Boot

PROMPT_TIMEOUT_S = 2.0  # for a prompt after Ctrl-C; without one, typing continues
ECHO_TIMEOUT_S = 5.0  # for the first character of an echo
ECHO_SILENCE_S = 0.5  # without output, after which a wrong echo stays wrong
PROBE_AFTER_S = 5.0  # without output, after which the prompt may have come garbled
PROBE_TIMEOUT_S = 1.0
PROMPT_SILENCE_S = 0.3  # without output after a prompt; text behind it is a message with its text
MAX_ERROR_LINES = 3  # of a failed command's output, in its error
SETTLE_S, MAX_SETTLE_S = 0.3, 3.0  # of silence after the answer to the last key
UART_FIFO_BYTES = 16  # at most so many bytes are sent without an echo
#: Limits of typing one line. A line of 170 characters passes a console that garbles one
#: character in a hundred about every fifth time.
TYPING_TIMEOUT_S, MAX_TYPING_ATTEMPTS, MIN_TYPING_ATTEMPTS = 60.0, 30, 3
DEFAULT_TIMEOUT_S = 30.0  # of a command
#: Drops the line at a prompt, and stops a countdown like any key. It never starts anything.
CTRL_C = b"\x03"
#: Shows whether a boot loader is at its prompt: the prompt echoes it, a running command does not.
#: Ctrl-C then drops it; an end of line might repeat the last command.
PROBE = b"~"
#: Escape sequences: a boot loader asks for the terminal's size, or redraws its line.
ESCAPES = rb"(?:\x1b(?:\[[0-9;?]*[A-Za-z]|[78]))*"
#: A time stamp before each line, from a build of U-Boot or from the host's side of the console.
STAMP = rb"(?:\[ *\d{1,9}\.\d{3,6}\] ?)?"


class CommandLineLoader:
    """Types lines at a prompt and waits for the next prompt; see `driver.BootLoader`.

    `prompt` is a pattern, in addition to `boot.prompt_patterns`. A subclass adds the way to the
    prompt and the meaning of the output.
    """

    name: ClassVar[str]
    reset_command: ClassVar[str] = "reset"
    banners: ClassVar[tuple[str, ...]]

    def __init__(self, dialogue: Dialogue, boot: Boot, deadline: Deadline, prompt: bytes) -> None:
        self._dialogue = dialogue
        self._boot = boot
        self._deadline = deadline
        self._prompt = with_expressions(prompt, boot.prompt_patterns)

    @staticmethod
    def check_command(command: str) -> None:
        """Raise `BootError` if `command` cannot be typed as one line."""
        if not command.strip() or not command.isprintable():
            raise BootError(
                f"the boot loader cannot be typed {command!r}: an empty line may repeat its last "
                "command, and control characters are commands of its line editor"
            )

    @staticmethod
    def seconds_for(command: str) -> float:
        """Return the time limit of `command` where the device file has none."""
        del command
        return DEFAULT_TIMEOUT_S

    def _type(self, command: str) -> Deadline:
        """Type a line, checking its echo piece by piece, and one carriage return.

        Only one: an empty line would make U-Boot repeat its last command. Return the
        deadline of the command, which then runs.
        """
        self.check_command(command)
        over = time.monotonic() + TYPING_TIMEOUT_S
        for number in range(MAX_TYPING_ATTEMPTS):
            if number >= MIN_TYPING_ATTEMPTS and time.monotonic() > over:
                break
            if all(self._is_echoed(piece) for piece in _pieces(command)) and self._end_line():
                return self._limit(command)
            self._drop_line()
        raise BootCommandFailed(
            self._dialogue.explain(
                f"{self.name}: '{command}' was echoed wrongly {number + 1} times: the line may "
                "lose characters; set connection.character_delay"
            )
        )

    def _drop_line(self) -> None:
        """Get an empty command line."""
        self._dialogue.send(CTRL_C)
        self._dialogue.expect_or_none(
            [self._prompt], timeout=self._deadline.within(PROMPT_TIMEOUT_S)
        )

    def _is_echoed(self, piece: bytes) -> bool:
        start = self._dialogue.console.tail()
        self._dialogue.send(piece)
        echo = echo_pattern(piece)
        over = time.monotonic() + self._deadline.within(ECHO_TIMEOUT_S)
        before: list[str] | None = None
        while (left := over - time.monotonic()) > 0:
            found = self._dialogue.expect_or_none([echo], timeout=min(left, ECHO_SILENCE_S))
            if found is not None:  # anything before the echo is a character that was not typed
                return not lines(re.sub(ESCAPES, b"", found.before))
            tail = self._dialogue.console.tail()
            if tail == before != start:
                return False
            before = tail
        return False

    def _end_line(self) -> bool:
        """Send a carriage return; return whether the boot loader answers it."""
        self._dialogue.send(b"\r")
        wait = self._deadline.within(ECHO_TIMEOUT_S)
        return self._dialogue.expect_or_none([rb"(?=[\r\n])"], timeout=wait) is not None

    def _limit(self, command: str) -> Deadline:
        seconds = self._boot.command_timeout
        if seconds is not None:
            return self._deadline.part(seconds, "boot.command_timeout")
        return self._deadline.part(
            self.seconds_for(command), "for such commands, unless boot.command_timeout is set"
        )

    def _expect_prompt(self, patterns: list[bytes], command: str, limit: Deadline) -> Found:
        """Wait for one of `patterns`, the last of which is the prompt.

        The prompt may have come garbled; so after a silence a probe asks for it.
        """
        probed: Found | None = None  # with the output so far
        while limit.left > PROBE_AFTER_S:
            found = self._dialogue.expect_or_none(patterns, timeout=PROBE_AFTER_S)
            if found is None:
                self._dialogue.send(PROBE)
                found = self._dialogue.expect_or_none([*patterns, PROBE], timeout=PROBE_TIMEOUT_S)
            if found is None:
                continue
            found = found if probed is None else probed.then(found)
            if found.index < len(patterns):
                return found
            probed = found
            self._dialogue.send(CTRL_C)
        found = self._dialogue.expect(
            patterns, timeout=limit, step=f"waited for {self.name}'s prompt after '{command}'"
        )
        return found if probed is None else probed.then(found)

    def _is_prompt(self) -> bool:
        """Ask again after an apparent prompt: no output goes on, and the prompt echoes a key.

        The command line is empty afterwards.
        """
        if continues(self._dialogue):
            return False
        for _ in range(MIN_TYPING_ATTEMPTS):
            self._dialogue.send(PROBE)
            answers = [PROBE, rb"(?=[^\s~])"]
            answer = self._dialogue.expect_or_none(answers, timeout=PROBE_TIMEOUT_S)
            if answer is not None and answer.index == 1:
                return False
            if answer is not None:
                break
        self._dialogue.send(CTRL_C)
        self._dialogue.expect_or_none([self._prompt], timeout=PROMPT_TIMEOUT_S)
        return True

    def _error(self, command: str, reason: str) -> BootError:
        text = f"{self.name}: '{command}' failed: {reason}"
        return BootCommandFailed(self._dialogue.explain(text), command)


def settle(dialogue: Dialogue, keys: bytes = CTRL_C) -> None:
    """Send `keys`, which empty the command line, and drop the answers to all keys so far."""
    dialogue.send(keys)
    over = time.monotonic() + MAX_SETTLE_S
    while time.monotonic() < over:
        if dialogue.expect_or_none([rb"(?s).+"], timeout=SETTLE_S) is None:
            return


def continues(dialogue: Dialogue) -> bool:
    """Return whether the line goes on after an apparent prompt."""
    return dialogue.expect_or_none([rb"(?=[^\s~])"], timeout=PROMPT_SILENCE_S) is not None


def lines(output: bytes) -> list[bytes]:
    """Return the lines of `output` with text, without time stamps."""
    found = (re.sub(rb"\A" + STAMP, b"", each).strip(b"\b ") for each in output.splitlines())
    return [line for line in found if line]


def joined(lines: Sequence[bytes]) -> str:
    """Return the last of `lines` as one, for an error."""
    return "; ".join(printable(line) for line in lines[-MAX_ERROR_LINES:])


def _pieces(command: str) -> list[bytes]:
    data = command.encode()
    return [
        data[start : start + UART_FIFO_BYTES] for start in range(0, len(data), UART_FIFO_BYTES)
    ]
