"""The U-Boot dialogue: stop the countdown, type commands, start the kernel."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

from ...console.transcript import printable
from ...errors import BootError
from . import u_boot_messages as words
from .autoboot import CTRL_C, Autoboot

if TYPE_CHECKING:
    from ...console.expect import Dialogue, Found
    from ...deadline import Deadline
    from ...lab.device_model import Boot

PROMPT_WAIT = 2.0  # seconds for a prompt after Ctrl-C; without it the line is typed all the same
ECHO_WAIT = 5.0  # seconds for the first character of an echo
ECHO_QUIET = 0.5  # seconds of silence after which an echo that is wrong will not become right
SAID_LINES = 3  # of a failed command, in its error
PROBE_AFTER = 5.0  # seconds of silence after which the prompt may have come garbled
FIFO = 16  # bytes that a UART holds: never more unechoed at once
#: A line of 170 characters comes through a line that garbles one in a hundred about every
#: fifth time. Seconds and times that it is typed at the most, and times at the least.
TYPING, TRIES, LEAST_TRIES = 60.0, 30, 3
#: Typed to see whether U-Boot is at its prompt: it echoes there, and a command that
#: runs swallows it. Ctrl-C then drops it; an end of line would repeat the last command.
PROBE = b"~"


class UBoot:
    """One board's U-Boot, from power-on to `Starting kernel`."""

    def __init__(self, dialogue: Dialogue, boot: Boot, deadline: Deadline) -> None:
        self._dialogue = dialogue
        self._boot = boot
        self._deadline = deadline
        self._prompt = words.prompt_pattern(boot.prompts)
        self._tells_status = True
        self._environment: dict[str, str] = {}  # what was set here

    def interrupt(self, *, press: bool = False) -> None:
        """Stop the countdown and get the prompt; `press` keys without waiting for one."""
        limit = self._deadline.part(self._boot.autoboot_timeout, "boot.autoboot_timeout")
        Autoboot(self._dialogue, self._boot, self._prompt).stop(limit, press=press)

    def run(self, command: str) -> None:
        """Run one command; `BootError` if it fails: by its status, or by what it prints."""
        limit = self._type(command)
        patterns = [words.FATAL_PATTERN, self._again(command), self._prompt]
        found = self._answer(patterns, command, limit)
        if found.index == 0:
            raise self._aborted(command, found)
        if found.index == 1:
            raise self._restarted(command, found)
        status = self._status() if words.status_counts(command) else None
        if status or words.failures(command, found.before):
            raise self._failed(command, status, found.before)
        if variable := words.setting(command):
            self._environment.update([variable])

    def start(self, command: str) -> bool:
        """Run the command that boots; return when the kernel is started.

        Return whether its first line has been seen already.
        """
        limit = self._type(command)
        kernel = words.kernel_pattern(self._boot.kernel_start)
        found = self._dialogue.expect(
            [words.FATAL_PATTERN, self._prompt, kernel, rb"Starting kernel", self._again(command)],
            timeout=limit,
            step=f"waited for 'Starting kernel' after '{command}'",
        )
        if found.index == 0:
            raise self._aborted(command, found)
        if found.index == 1:
            raise self._came_back(command, found.before)
        if found.index == 4:
            raise self._restarted(command, found)
        # After a load that failed it is the kernel of an earlier boot, left in memory.
        meaning = self._environment.get(words.variable(command) or "", command)
        if words.loads(meaning) and words.failures(meaning, found.before):
            raise self._failed(command, None, found.before)
        return found.index == 2

    def _status(self) -> int | None:
        """Return the status of the last command; None where U-Boot's shell has none."""
        if not self._tells_status:
            return None
        question = words.ASK
        for _ in range(LEAST_TRIES):
            limit = self._type(question)
            answer = self._answer([self._prompt], question, limit).before
            if found := words.ANSWER.search(answer):
                return int(found[1])
            if words.NO_ANSWER.search(answer):
                self._tells_status = False
                return None
            question = words.ASK_AGAIN
        raise BootError(
            self._dialogue.explain(
                "U-Boot: the status of the last command came garbled "
                f"{LEAST_TRIES} times: does the line lose characters?"
            )
        )

    def _again(self, command: str) -> bytes:
        """Return what shows that the board started again, where it is not to."""
        never = rb"(?!)"
        meant = words.RESTARTS.search(command) is not None
        return never if meant else words.restarted_pattern(self._boot.interrupt)

    def _type(self, command: str) -> Deadline:
        """Type a line, its echo checked piece by piece, and one carriage return.

        One: an empty line would make U-Boot repeat its last command. Return the
        deadline of the command, which runs then.
        """
        check_line(command)
        over = time.monotonic() + TYPING
        for number in range(TRIES):
            if number >= LEAST_TRIES and time.monotonic() > over:
                break
            if all(self._echoed(piece) for piece in _pieces(command)) and self._entered():
                return self._limit(command)
            self._dialogue.send(CTRL_C)  # drops the garbled line
            self._dialogue.expect_or_none(
                [self._prompt], timeout=self._deadline.within(PROMPT_WAIT)
            )
        raise BootError(
            self._dialogue.explain(
                f"U-Boot: '{command}' was echoed wrongly {number + 1} times: does the line lose "
                "characters? See connection.character_delay"
            )
        )

    def _echoed(self, piece: bytes) -> bool:
        start = self._dialogue.console.tail()
        self._dialogue.send(piece)
        letters = (re.escape(piece[i : i + 1]) for i in range(len(piece)))
        # A narrow terminal breaks the echo, wherever it likes. Anything else
        # before it is a character that was not typed.
        echo = b"[\r\n]*".join(letters)
        over = time.monotonic() + self._deadline.within(ECHO_WAIT)
        before: list[str] | None = None
        while (left := over - time.monotonic()) > 0:
            found = self._dialogue.expect_or_none([echo], timeout=min(left, ECHO_QUIET))
            if found is not None:
                return not re.sub(words.ESCAPES, b"", found.before).strip()
            tail = self._dialogue.console.tail()
            if tail == before != start:
                return False
            before = tail
        return False

    def _entered(self) -> bool:
        """End the line; whether U-Boot has taken that."""
        self._dialogue.send(b"\r")
        wait = self._deadline.within(ECHO_WAIT)
        return self._dialogue.expect_or_none([rb"(?=[\r\n])"], timeout=wait) is not None

    def _limit(self, command: str) -> Deadline:
        seconds = self._boot.command_timeout
        if seconds is not None:
            return self._deadline.part(seconds, "boot.command_timeout")
        seconds = words.seconds_for(command)
        return self._deadline.part(
            seconds, "for such commands, unless boot.command_timeout is set"
        )

    def _answer(self, patterns: list[bytes], command: str, limit: Deadline) -> Found:
        """Wait for one of `patterns`, the last of which is the prompt.

        Where nothing comes the prompt itself may have been garbled: that is
        asked for, without a line's end.
        """
        while limit.left > PROBE_AFTER:
            found = self._dialogue.expect_or_none(patterns, timeout=PROBE_AFTER)
            if found is not None:
                return found
            self._dialogue.send(PROBE)
            found = self._dialogue.expect_or_none([*patterns, PROBE], timeout=1.0)
            if found is not None and found.index < len(patterns):
                return found
            if found is not None:
                self._dialogue.send(CTRL_C)
        return self._dialogue.expect(
            patterns, timeout=limit, step=f"waited for U-Boot's prompt after '{command}'"
        )

    def _restarted(self, command: str, found: Found) -> BootError:
        said = _joined([line.strip() for line in found.before.splitlines() if line.strip()])
        text = f"U-Boot: '{command}' failed: the board started again"
        return BootError(self._dialogue.explain(f"{text}: {said}" if said else text))

    def _aborted(self, command: str, found: Found) -> BootError:
        rest = self._dialogue.expect_or_none([rb"[\r\n]"], timeout=1.0)
        line = found.before.rpartition(b"\n")[2] + found.match.group()
        line += rest.before if rest else b""
        reason = printable(re.sub(rb"\x08+", b"", line).strip())
        return BootError(self._dialogue.explain(f"U-Boot: '{command}' failed: {reason}"))

    def _came_back(self, command: str, output: bytes) -> BootError:
        """Return the error of a command that did not start a kernel."""
        errors = words.errors(output)
        if len(errors) > 1 and words.SEARCHES.search(command):
            reason = f"it found nothing to boot; its last error: {printable(errors[-1])}"
        elif errors:
            reason = _joined(errors)
        else:
            reason = "it came back to the prompt without starting a kernel"
        return BootError(self._dialogue.explain(f"U-Boot: '{command}' failed: {reason}"))

    def _failed(self, command: str, status: int | None, output: bytes) -> BootError:
        """Return the error of a command that failed, in the board's own words."""
        lines = words.errors(output) or [line.strip() for line in output.splitlines()]
        said = _joined([line for line in lines if line])
        if words.USAGE.search(output):
            said = "it printed its usage: does it name a variable that is not set?"
        if status:
            said = f"{said} (status {status})" if said else f"status {status}, without a word"
        return BootError(self._dialogue.explain(f"U-Boot: '{command}' failed: {said}"))


def check_line(command: str) -> None:
    """Raise `BootError` for a line that U-Boot would cut, or take for several."""
    size = len(command.encode())
    if size > words.LONGEST_LINE:
        raise BootError(
            f"U-Boot would cut the line '{command[:60]}...': it has {size} characters, and a "
            f"line has {words.LONGEST_LINE} at the most (CONFIG_SYS_CBSIZE): make it several, "
            "with setenv and run"
        )
    if not command.strip() or not command.isprintable():
        raise BootError(
            f"U-Boot cannot be typed {command!r}: an empty line repeats its last command, "
            "and control characters are commands of its line editor"
        )


def _joined(lines: list[bytes]) -> str:
    """Return the last of `lines` as one."""
    return "; ".join(printable(line) for line in lines[-SAID_LINES:])


def _pieces(command: str) -> list[bytes]:
    data = command.encode()
    return [data[start : start + FIFO] for start in range(0, len(data), FIFO)]
