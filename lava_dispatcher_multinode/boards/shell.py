"""A board's root shell on its console: commands with their exit codes, and files."""

from __future__ import annotations

import itertools
import re
import time
from typing import TYPE_CHECKING

from .. import shell_markers
from ..console.transcript import printable
from ..errors import BootError, DeployError

if TYPE_CHECKING:
    from ..console.expect import Dialogue
    from ..deadline import Deadline

ANSWER_WAIT = 5.0  # seconds for a command that does nothing
FIRST_WAIT = 2.0  # seconds after which an answer that has not come is asked for again
COMMAND_WAIT = 60.0
PACE = 0.1  # seconds between two pieces for a UART without flow control
ECHO_WAIT = 2.0
TRIES = 5
CTRL_C = b"\x03"


class Shell:
    """What can be typed at a shell that nobody else is using."""

    def __init__(self, dialogue: Dialogue, deadline: Deadline, fifo: int = 0) -> None:
        self._dialogue = dialogue
        self.deadline = deadline
        self.fifo = fifo  # bytes that the board takes at once; 0: any number
        self._free_at = 0.0  # when it surely has taken the last of them
        self._numbers = itertools.count(1)
        self.uid: int | None = None  # whose shell it is; None: not known

    def take(self) -> None:
        """Make the shell fit for a program: no echo, no kernel messages, and it answers."""
        for _ in range(TRIES):
            answer = self.ask(shell_markers.QUIET, ANSWER_WAIT)
            if answer is not None:
                # Not everyone may, nor has them.
                self.ask("dmesg -n 1 2>/dev/null", ANSWER_WAIT)
                code, text = self.ask("id -u 2>/dev/null", ANSWER_WAIT) or (1, "")
                self.uid = int(text) if code == 0 and text.isdecimal() else None
                return
            self._dialogue.send(CTRL_C + b"\n")
        raise BootError(self._dialogue.explain("the shell does not answer"))

    def run(self, command: str, *, timeout: float = COMMAND_WAIT) -> tuple[int, str]:
        """Run `command`; return its exit code and what it printed."""
        answer = self.ask(command, timeout)
        if answer is None:
            raise BootError(
                self._dialogue.explain(
                    f"'{command}' on the board has not ended within {timeout:.0f} s"
                )
            )
        return answer

    def has(self, program: str) -> bool:
        """Whether the board has a command of this name."""
        for _ in range(TRIES):
            answer = self.ask(f"command -v {program} >/dev/null", ANSWER_WAIT)
            if answer is not None:
                return answer[0] == 0
        raise DeployError(self.explain("the board's shell does not answer"))

    def type(self, data: bytes) -> None:
        """Send `data`; in pieces that fit into the board's UART where nothing else holds it up."""
        if not self.fifo:
            self._dialogue.send(data)
            return
        for start in range(0, len(data), self.fifo):
            pause = self._free_at - time.monotonic()
            if pause > 0:
                time.sleep(self.deadline.within(pause))
            self._dialogue.send(data[start : start + self.fifo])
            self._free_at = time.monotonic() + PACE

    def type_echoed(self, data: bytes) -> bool:
        """Send `data` to a terminal that echoes, a piece after the other's echo; False if none."""
        for start in range(0, len(data), self.fifo):
            piece = data[start : start + self.fifo]
            self.type(piece)
            self._free_at = 0.0  # the echo tells better
            # A kernel message may go through it; what matters is that the last byte was taken.
            letters = (re.escape(piece[at : at + 1]) for at in range(len(piece)))
            pattern = b"[\r\n]*".join(letters)
            wait = self.deadline.within(ECHO_WAIT)
            if self._dialogue.expect_or_none([pattern], timeout=wait) is None:
                return False
        return True

    def expect(self, pattern: bytes, timeout: float) -> bool:
        """Wait for what matches `pattern`; False if it does not come."""
        wait = self.deadline.within(timeout)
        return self._dialogue.expect_or_none([pattern], timeout=wait) is not None

    def interrupt(self) -> None:
        """End what runs, and forget what was typed in part."""
        self.type(CTRL_C + b"\n")
        if self.fifo:
            self.type(b"stty -echo\n")

    def explain(self, text: str) -> str:
        """Return `text` with the console's last lines."""
        return self._dialogue.explain(text)

    def ask(self, command: str, timeout: float) -> tuple[int, str] | None:
        """Run `command`; return exit code and output, None if no answer came in time.

        It runs between two marks that its own echo does not contain. A kernel
        message may go through a mark: the last one is asked for again until it
        comes whole. While the command runs, what is typed waits.
        """
        number = next(self._numbers)
        line = f"{shell_markers.begin(number)}{command}\n{shell_markers.KEEP_CODE}\n"
        self.type(line.encode())
        question = f"{shell_markers.end(number)}\n".encode()
        pattern = shell_markers.ended(number, r"(\d+)").encode()
        over = time.monotonic() + self.deadline.within(timeout)
        wait = FIRST_WAIT
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
