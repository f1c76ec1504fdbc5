"""Files onto a board by typing: encoded, in blocks, each checked, and typed again if damaged.

What it takes of the board: a shell whose printf and read are its own, rm, mkdir, cat, and one
of cksum, md5sum, sha1sum, sha256sum and od. base64 makes it three times as fast.
"""

from __future__ import annotations

import base64
import hashlib
import shlex
from typing import TYPE_CHECKING

from ..cksum import cksum
from ..errors import DeployError

if TYPE_CHECKING:
    from collections.abc import Callable

    from .shell import Shell

LINE = 2400  # bytes of a file in a line typed at the board: far below its tty's 4095
BLOCK = 8 * LINE  # bytes between two checks
FIFO_BLOCK = 2048  # the same where each piece of a few bytes waits for its echo
FIFO_LINE = 48
SMALLEST = 300
TRIES = 5
FIRST_PART = 100000
ANSWER_WAIT = 5.0  # seconds
COMMAND_WAIT = 60.0
BLOCK_WAIT = 5.0  # seconds for a block's checksum, beside the time on the line
SLOWEST = 900.0  # bytes a second, at 9600 baud
#: What boards have for checksums, and what it prints first. Debian's BusyBox has no cksum.
SUMS: dict[str, Callable[[bytes], str]] = {
    "cksum": lambda data: str(cksum(data)),
    "md5sum": lambda data: hashlib.md5(data, usedforsecurity=False).hexdigest(),
    "sha256sum": lambda data: hashlib.sha256(data).hexdigest(),
    "sha1sum": lambda data: hashlib.sha1(data, usedforsecurity=False).hexdigest(),
}


class Typist:
    """Types files at one board's shell."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell
        self._sums: str | None = None  # the board's program for checksums; "": od shows it all
        self._base64: bool | None = None

    def put(self, data: bytes, path: str) -> None:
        """Write `data` to `path` on the board; `DeployError` if it does not get there."""
        target, parts = shlex.quote(path), shlex.quote(f"{path}.parts")
        # Every step may be done twice, since its answer may be lost: each piece
        # is a file of its own. Their names are equally long, so that a lost
        # character never makes one of another.
        self._must(f"rm -rf {parts} && mkdir {parts} && : > {target}", path)
        if self._base64 is None:
            self._base64 = self._shell.has("base64")
        start, failures, number = 0, 0, FIRST_PART
        size = FIFO_BLOCK if self._shell.fifo else BLOCK
        while start < len(data):
            block = data[start : start + size]
            part = f"{parts}/{number}"
            if self._typed(block, part, number) and self._arrived(block, part, len(block)):
                start, failures, number = start + size, 0, number + 1
                continue
            # What was lost may be the end of the document or of a string.
            self._shell.interrupt()
            # On a line that loses characters small pieces get through.
            size, failures = max(size // 4, SMALLEST), failures + 1
            if failures > TRIES:
                text = f"{path}: damaged {failures} times on its way over the console"
                raise DeployError(self._shell.explain(text))
        whole = (
            f"n={FIRST_PART}; while [ $n -lt {number} ]; do cat {parts}/$n; n=$((n+1)); done"
            f" > {target}\n"
        )
        for _ in range(TRIES):
            self._shell.type(whole.encode())
            if self._arrived(data, target, 0):
                self._must(f"rm -rf {parts}", path)
                return
            self._shell.interrupt()
        raise DeployError(self._shell.explain(f"cannot write {path} on the board"))

    def _typed(self, block: bytes, part: str, number: int) -> bool:
        """Type what makes `block` of the file `part` (a shell's word); whether it went well."""
        if not self._shell.fifo:
            self._shell.type(_base64(block, part) if self._base64 else _octal(block, part))
            return True
        # The terminal's echo says that the board has taken what came. Not the
        # shell's: some shells edit, and redraw, while it is on.
        self._shell.type(
            f"stty echo; printf '<%s %s>\\n' lava-ready {number}; "
            f'while IFS= read -r l && [ "$l" != . ]; do printf \'%s\\n\' "$l"; done '
            f"> {part}.text; stty -echo\n".encode()
        )
        if not self._shell.expect(b"<lava-ready %d>" % number, ANSWER_WAIT):
            return False
        lines = (block[at : at + FIFO_LINE] for at in range(0, len(block), FIFO_LINE))
        encode = base64.b64encode if self._base64 else _escaped
        if not self._shell.type_echoed(b"".join(encode(line) + b"\n" for line in lines) + b".\n"):
            return False
        if self._base64:
            decode = f"base64 -d < {part}.text > {part}"
        else:
            decode = f'while IFS= read -r l; do printf "$l"; done < {part}.text > {part}'
        answer = self._shell.ask(f"{decode}; rm -f {part}.text", COMMAND_WAIT)
        return answer is not None

    def _arrived(self, data: bytes, path: str, typed: int) -> bool:
        """Whether the file `path` (a shell's word) is `data`; `typed` of it are on the line."""
        if self._sums is None:
            self._sums = next((s for s in SUMS if self._shell.has(s)), "")
        if self._sums:
            seconds = BLOCK_WAIT + 4 * typed / SLOWEST
            answer = self._shell.ask(f"{self._sums} < {path}", seconds)
            return answer is not None and SUMS[self._sums](data) in answer[1].split()
        seconds = BLOCK_WAIT + 4 * typed / SLOWEST + 5 * len(data) / SLOWEST
        answer = self._shell.ask(f"od -v -b < {path}", seconds)
        if answer is None:
            return False
        if answer[0] == 127:
            names = ", ".join(SUMS)
            raise DeployError(
                f"the board has none of {names} and od: what it gets cannot be checked"
            )
        fields = [field for line in answer[1].splitlines() for field in line.split()[1:]]
        return fields == [f"{byte:03o}" for byte in data]

    def _must(self, command: str, path: str) -> None:
        """Run a command that may run twice; a line that lost a character is typed again."""
        for _ in range(TRIES):
            answer = self._shell.ask(command, COMMAND_WAIT)
            if answer is not None and answer[0] == 0:
                return
            self._shell.interrupt()
        text = f"{answer[1] or f'exit code {answer[0]}'}" if answer else "no answer"
        raise DeployError(f"cannot write {path} on the board: {text}")


def _base64(block: bytes, part: str) -> bytes:
    """One document: the shell reads it whole, so no byte comes while it starts a program."""
    lines = (block[start : start + LINE] for start in range(0, len(block), LINE))
    text = b"".join(base64.b64encode(line) + b"\n" for line in lines)
    return b"base64 -d > %b << 'E-O-F'\n%bE-O-F\n" % (part.encode(), text)


def _octal(block: bytes, part: str) -> bytes:
    lines = (block[start : start + LINE // 4] for start in range(0, len(block), LINE // 4))
    return b": > %b\n" % part.encode() + b"".join(
        b"printf '%b' >> %b\n" % (_escaped(line), part.encode()) for line in lines
    )


def _escaped(line: bytes) -> bytes:
    return b"".join(b"\\%03o" % byte for byte in line)
