"""A board's root shell on its console: commands with their exit codes, and files."""

from __future__ import annotations

import base64
import itertools
import shlex
from typing import TYPE_CHECKING

from ..cksum import cksum
from ..console.transcript import printable
from ..errors import BootError, DeployError

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..console.expect import Dialogue
    from ..deadline import Deadline

ANSWER_WAIT = 5.0  # seconds for a command that does nothing
COMMAND_WAIT = 60.0
TRIES = 5
LINE = 2400  # bytes of a file in a line typed at the board: far below its tty's 4095
BLOCK = 8 * LINE  # bytes between two checks
BLOCK_WAIT = 60.0  # seconds; 27 s at 9600 baud, 2.3 s at 115200
CTRL_C = b"\x03"


# An editor of the shell's own would echo, redraw and take keys for commands.
QUIET = "stty -echo cols 200; set +o emacs +o vi 2>/dev/null; unset HISTFILE; PS1= PS2="


class Shell:
    """What can be typed at a shell that nobody else is using."""

    def __init__(self, dialogue: Dialogue, deadline: Deadline) -> None:
        self._dialogue = dialogue
        self.deadline = deadline
        self._numbers = itertools.count(1)

    def take(self) -> None:
        """Make the shell fit for a program: no echo, no kernel messages, and it answers."""
        for _ in range(TRIES):
            answer = self._ask(QUIET, ANSWER_WAIT)
            if answer is not None:
                self._ask("dmesg -n 1 2>/dev/null", ANSWER_WAIT)  # not everyone may, nor has it
                return
            self._dialogue.send(CTRL_C + b"\n")
        raise BootError(self._dialogue.explain("the shell does not answer"))

    def run(self, command: str, *, timeout: float = COMMAND_WAIT) -> tuple[int, str]:
        """Run `command`; return its exit code and what it printed."""
        answer = self._ask(command, timeout)
        if answer is None:
            self.deadline.check(f"'{command}' on the board")
            raise BootError(
                self._dialogue.explain(
                    f"'{command}' on the board has not ended within {timeout:.0f} s"
                )
            )
        return answer

    def put(self, data: bytes, path: str) -> None:
        """Write a file on the board, over nothing but the console; checked block by block."""
        target, part = shlex.quote(path), shlex.quote(f"{path}.part")
        encode = self._encoding()
        self._must(f": > {target}", path)
        for start in range(0, len(data), BLOCK):
            block = data[start : start + BLOCK]
            sum_and_size = [str(cksum(block)), str(len(block))]
            for _ in range(TRIES):
                self._dialogue.send(encode(block, part))
                answer = self._ask(f"cksum < {part}", BLOCK_WAIT)
                if answer is not None and answer[1].split() == sum_and_size:
                    break
                # What was lost may be the end of the document or of a string.
                self._dialogue.send(CTRL_C + b"\n")
            else:
                raise DeployError(
                    self._dialogue.explain(
                        f"{path}: damaged {TRIES} times on its way over the console"
                    )
                )
            self._must(f"cat {part} >> {target}", path)
        self._must(f"rm -f {part}", path)

    def _encoding(self) -> Callable[[bytes, str], bytes]:
        if self.run("command -v base64 >/dev/null")[0] == 0:
            return _base64
        return _octal  # every shell's own printf can do that

    def _must(self, command: str, path: str) -> None:
        code, text = self.run(command)
        if code:
            raise DeployError(f"cannot write {path} on the board: {text or f'exit code {code}'}")

    def _ask(self, command: str, timeout: float) -> tuple[int, str] | None:
        """Run `command` between two marks that its own echo does not contain."""
        number = next(self._numbers)
        line = (
            f"printf '<%s %s>\\n' lava-begin {number}; {command}\n"
            f"printf '<%s %s %s>\\n' lava-end {number} $?\n"
        )
        self._dialogue.send(line.encode())
        found = self._dialogue.expect_or_none(
            [rb"<lava-end %d (\d+)>" % number], timeout=self.deadline.within(timeout)
        )
        if found is None:
            return None
        output = found.before.rpartition(b"<lava-begin %d>" % number)[2]
        return int(found.match.group(1)), _text(output)


def _text(output: bytes) -> str:
    lines = (printable(line.strip(b"\r")) for line in output.split(b"\n"))
    return "\n".join(lines).strip()


def _base64(block: bytes, part: str) -> bytes:
    """One document: the shell reads it whole, so no byte comes while it starts a program."""
    lines = (block[start : start + LINE] for start in range(0, len(block), LINE))
    text = b"".join(base64.b64encode(line) + b"\n" for line in lines)
    return b"base64 -d > %b << 'E-O-F'\n%bE-O-F\n" % (part.encode(), text)


def _octal(block: bytes, part: str) -> bytes:
    lines = (block[start : start + LINE // 4] for start in range(0, len(block), LINE // 4))
    return b": > %b\n" % part.encode() + b"".join(
        b"printf '%b' >> %b\n" % (b"".join(b"\\%03o" % byte for byte in line), part.encode())
        for line in lines
    )
