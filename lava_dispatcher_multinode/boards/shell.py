"""A board's shell on its console: runs commands and returns their exit codes."""

from __future__ import annotations

import itertools
import time
from typing import TYPE_CHECKING

from .. import shell_markers
from ..console.expect import echo_pattern
from ..console.transcript import printable
from ..errors import BootError, DeployError

if TYPE_CHECKING:
    from ..console.expect import Dialogue
    from ..deadline import Deadline

ANSWER_TIMEOUT_S = 5.0  # for a command that does nothing
FIRST_RETRY_S = 2.0  # until the end marker is requested again; doubles each time
COMMAND_TIMEOUT_S = 60.0
FIFO_INTERVAL_S = 0.1  # between two pieces for a UART without flow control
ECHO_TIMEOUT_S = 2.0
MAX_ATTEMPTS = 5
CTRL_C = b"\x03"
LOSES_CHARACTERS = (
    "if the line loses characters, set connection.fifo or connection.character_delay"
)


class Shell:
    """A shell that this process alone uses."""

    def __init__(self, dialogue: Dialogue, deadline: Deadline, fifo: int = 0) -> None:
        self._dialogue = dialogue
        self.deadline = deadline
        self.fifo = fifo  # bytes that the board's UART holds; 0: no limit
        self._free_at = 0.0  # when the UART has room again, in monotonic time
        self._numbers = itertools.count(1)
        self.uid: int | None = None  # of the shell's user; None: unknown

    def prepare(self) -> None:
        """Start a plain shell, switch off echo and kernel messages.

        Raises `BootError` if the shell does not answer.
        """
        for _ in range(MAX_ATTEMPTS):
            self._start_plain_shell()
            answer = self.try_run(shell_markers.QUIET, ANSWER_TIMEOUT_S)
            if answer is not None:
                # Either may fail: by permission, or for lack of the program.
                self.try_run("dmesg -n 1 2>/dev/null", ANSWER_TIMEOUT_S)
                code, text = self.try_run("id -u 2>/dev/null", ANSWER_TIMEOUT_S) or (1, "")
                self.uid = int(text) if code == 0 and text.isdecimal() else None
                return
            self._dialogue.send(CTRL_C + b"\n")
        raise BootError(self.explain(f"the shell does not answer: {LOSES_CHARACTERS}"))

    def _start_plain_shell(self) -> None:
        number = next(self._numbers)
        self.type(f"{shell_markers.begin(number)}{shell_markers.PLAIN_SHELL}\n".encode())
        # zsh drops what is typed before.
        self.expect(shell_markers.begun(number).encode(), ANSWER_TIMEOUT_S)

    def run(self, command: str, *, timeout: float = COMMAND_TIMEOUT_S) -> tuple[int, str]:
        """Run `command`; return its exit code and output. `BootError` after `timeout` seconds."""
        answer = self.try_run(command, timeout)
        if answer is None:
            text = f"'{command}' on the board has not ended within {timeout:.0f} s"
            raise BootError(self.explain(text))
        return answer

    def has(self, program: str) -> bool:
        """Return whether the board has the program."""
        for _ in range(MAX_ATTEMPTS):
            answer = self.try_run(f"command -v {program} >/dev/null", ANSWER_TIMEOUT_S)
            if answer is not None:
                return answer[0] == 0
        text = f"the board's shell does not answer: {LOSES_CHARACTERS}"
        raise DeployError(self.explain(text))

    def type(self, data: bytes) -> None:
        """Send `data`; without flow control, in pieces that fit into the board's UART."""
        if not self.fifo:
            self._dialogue.send(data)
            return
        for start in range(0, len(data), self.fifo):
            pause = self._free_at - time.monotonic()
            if pause > 0:
                time.sleep(self.deadline.within(pause))
            self._dialogue.send(data[start : start + self.fifo])
            self._free_at = time.monotonic() + FIFO_INTERVAL_S

    def type_echoed(self, data: bytes) -> bool:
        """Send `data` in pieces, each after the echo of the last; False if an echo is missing."""
        for start in range(0, len(data), self.fifo):
            piece = data[start : start + self.fifo]
            self.type(piece)
            self._free_at = 0.0  # the echo replaces the interval
            # A kernel message may interrupt the echo; it matters that the last byte was received.
            if not self.expect(echo_pattern(piece), ECHO_TIMEOUT_S):
                return False
        return True

    def expect(self, pattern: bytes, timeout: float) -> bool:
        """Wait up to `timeout` seconds for a match of `pattern`; return whether it came."""
        wait = self.deadline.within(timeout)
        return self._dialogue.expect_or_none([pattern], timeout=wait) is not None

    def interrupt(self) -> None:
        """End the running command, and drop an incomplete line."""
        self.type(CTRL_C + b"\n")
        if self.fifo:
            self.type(b"stty -echo\n")

    def explain(self, text: str) -> str:
        """Return `text` with the console's last lines."""
        return self._dialogue.explain(text)

    def try_run(self, command: str, timeout: float) -> tuple[int, str] | None:
        """Run `command`; return exit code and output, None without an answer in `timeout` seconds.

        The command runs between two markers, which its echo does not contain. A kernel
        message may garble a marker, so the end marker is requested until it comes intact.
        """
        number = next(self._numbers)
        line = f"{shell_markers.begin(number)}{command}\n{shell_markers.KEEP_CODE}\n"
        self.type(line.encode())
        question = f"{shell_markers.end(number)}\n".encode()
        pattern = shell_markers.ended(number, r"(\d+)").encode()
        over = time.monotonic() + self.deadline.within(timeout)
        wait = FIRST_RETRY_S
        while (left := over - time.monotonic()) > 0:
            self.type(question)
            found = self._dialogue.expect_or_none([pattern], timeout=min(wait, left))
            if found is not None:
                output = found.before.rpartition(shell_markers.begun(number).encode())[2]
                return int(found.match.group(1)), _text(output)
            wait *= 2
        self.deadline.check(f"'{command}' on the board")
        return None


def _text(output: bytes) -> str:
    lines = (printable(line.strip(b"\r")) for line in output.split(b"\n"))
    return "\n".join(lines).strip()
