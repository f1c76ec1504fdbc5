"""A board's root shell on its console: commands with their exit codes, and files."""

from __future__ import annotations

import base64
import hashlib
import itertools
import shlex
import time
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
FIRST_WAIT = 2.0  # seconds after which an answer that has not come is asked for again
TRIES = 5
LINE = 2400  # bytes of a file in a line typed at the board: far below its tty's 4095
BLOCK = 8 * LINE  # bytes between two checks
SMALLEST = 300
FIRST_PART = 100000
BLOCK_WAIT = 5.0  # seconds for a block's checksum, beside the time on the line
SLOWEST = 900.0  # bytes a second, at 9600 baud
CTRL_C = b"\x03"
#: What boards have for checksums, and what it prints first. Debian's BusyBox has no cksum.
SUMS: dict[str, Callable[[bytes], str]] = {
    "cksum": lambda data: str(cksum(data)),
    "md5sum": lambda data: hashlib.md5(data, usedforsecurity=False).hexdigest(),
    "sha256sum": lambda data: hashlib.sha256(data).hexdigest(),
}


# An editor of the shell's own would echo, redraw and take keys for commands.
QUIET = "stty -echo cols 200; set +o emacs +o vi 2>/dev/null; unset HISTFILE; PS1= PS2="


class Shell:
    """What can be typed at a shell that nobody else is using."""

    def __init__(self, dialogue: Dialogue, deadline: Deadline) -> None:
        self._dialogue = dialogue
        self.deadline = deadline
        self._numbers = itertools.count(1)
        self._sums: str | None = None  # the board's program for checksums
        self.uid: int | None = None  # whose shell it is; None: not known

    def take(self) -> None:
        """Make the shell fit for a program: no echo, no kernel messages, and it answers."""
        for _ in range(TRIES):
            answer = self._ask(QUIET, ANSWER_WAIT)
            if answer is not None:
                # Not everyone may, nor has them.
                self._ask("dmesg -n 1 2>/dev/null", ANSWER_WAIT)
                code, text = self._ask("id -u 2>/dev/null", ANSWER_WAIT) or (1, "")
                self.uid = int(text) if code == 0 and text.isdecimal() else None
                return
            self._dialogue.send(CTRL_C + b"\n")
        raise BootError(self._dialogue.explain("the shell does not answer"))

    def run(self, command: str, *, timeout: float = COMMAND_WAIT) -> tuple[int, str]:
        """Run `command`; return its exit code and what it printed."""
        answer = self._ask(command, timeout)
        if answer is None:
            raise BootError(
                self._dialogue.explain(
                    f"'{command}' on the board has not ended within {timeout:.0f} s"
                )
            )
        return answer

    def put(self, data: bytes, path: str) -> None:
        """Write a file on the board, over nothing but the console; checked block by block."""
        target, parts = shlex.quote(path), shlex.quote(f"{path}.parts")
        # Every step may be done twice, since its answer may be lost: each piece
        # is a file of its own. Their names are equally long, so that a lost
        # character never makes one of another.
        self._must(f"rm -rf {parts} && mkdir {parts} && : > {target}", path)
        encode = self._encoding()
        size, start, failures, number = BLOCK, 0, 0, FIRST_PART
        while start < len(data):
            block = data[start : start + size]
            part = f"{parts}/{number}"
            if self._arrived(encode(block, part), block, part):
                start, failures, number = start + size, 0, number + 1
                continue
            # On a line that loses characters small pieces get through.
            size, failures = max(size // 4, SMALLEST), failures + 1
            if failures > TRIES:
                text = f"{path}: damaged {failures} times on its way over the console"
                raise DeployError(self._dialogue.explain(text))
        whole = (
            f"n={FIRST_PART}; while [ $n -lt {number} ]; do cat {parts}/$n; n=$((n+1)); done"
            f" > {target}\n"
        )
        if not any(self._arrived(whole.encode(), data, target) for _ in range(TRIES)):
            raise DeployError(self._dialogue.explain(f"cannot write {path} on the board"))
        self._must(f"rm -rf {parts}", path)

    def _encoding(self) -> Callable[[bytes, str], bytes]:
        return _base64 if self._has("base64") else _octal  # every shell's own printf can

    def _has(self, program: str) -> bool:
        for _ in range(TRIES):
            answer = self._ask(f"command -v {program} >/dev/null", ANSWER_WAIT)
            if answer is not None:
                return answer[0] == 0
        raise DeployError(self._dialogue.explain("the board's shell does not answer"))

    def _arrived(self, document: bytes, block: bytes, part: str) -> bool:
        """Type `document`, which makes the file `part` (a shell's word); whether it is `block`."""
        if self._sums is None:
            self._sums = next((s for s in SUMS if self._has(s)), "")
        if not self._sums:
            names = " or ".join(SUMS)
            raise DeployError(f"the board has no {names}: what it gets cannot be checked")
        self._dialogue.send(document)
        seconds = BLOCK_WAIT + len(document) / SLOWEST
        answer = self._ask(f"{self._sums} < {part}; wc -c < {part}", seconds)
        expected = {SUMS[self._sums](block), str(len(block))}
        if answer is not None and expected <= set(answer[1].split()):
            return True
        # What was lost may be the end of the document or of a string.
        self._dialogue.send(CTRL_C + b"\n")
        return False

    def _must(self, command: str, path: str) -> None:
        """Run a command that may run twice; a line that lost a character is typed again."""
        for _ in range(TRIES):
            answer = self._ask(command, COMMAND_WAIT)
            if answer is not None and answer[0] == 0:
                return
            self._dialogue.send(CTRL_C + b"\n")
        text = f"{answer[1] or f'exit code {answer[0]}'}" if answer else "no answer"
        raise DeployError(f"cannot write {path} on the board: {text}")

    def _ask(self, command: str, timeout: float) -> tuple[int, str] | None:
        """Run `command` between two marks that its own echo does not contain.

        A kernel message may go through a mark: the last one is asked for again
        until it comes whole. While the command runs, what is typed waits.
        """
        number = next(self._numbers)
        line = f"printf '<%s %s>\\n' lava-begin {number}; {command}\nlava_code=$?\n"
        self._dialogue.send(line.encode())
        question = f"printf '<%s %s %s>\\n' lava-end {number} $lava_code\n".encode()
        pattern = rb"<lava-end %d (\d+)>" % number
        over = time.monotonic() + self.deadline.within(timeout)
        wait = FIRST_WAIT
        while (left := over - time.monotonic()) > 0:
            self._dialogue.send(question)
            found = self._dialogue.expect_or_none([pattern], timeout=min(wait, left))
            if found is not None:
                output = found.before.rpartition(b"<lava-begin %d>" % number)[2]
                return int(found.match.group(1)), _text(output)
            wait *= 2
        self.deadline.check(f"'{command}' on the board")
        return None


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
