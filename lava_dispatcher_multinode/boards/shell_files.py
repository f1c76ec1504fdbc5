"""Writes files on a board through its shell: encoded, in blocks with checksums, with retries.

The board needs a shell with printf and read built in, rm, mkdir, cat, and one of cksum,
md5sum, sha1sum, sha256sum and od. base64 makes the transfer three times as fast.
"""

from __future__ import annotations

import base64
import hashlib
import shlex
from typing import TYPE_CHECKING

from ..console_frames import cksum
from ..errors import DeployError

if TYPE_CHECKING:
    from collections.abc import Callable

    from .shell import Shell

LINE_BYTES = 2400  # of a file in one typed line: far below the 4095 of a tty
BLOCK_BYTES = 8 * LINE_BYTES  # between two checksums
FIFO_BLOCK_BYTES = 2048  # the same where each piece waits for its echo
FIFO_LINE_BYTES = 48
MIN_BLOCK_BYTES = 300
MAX_ATTEMPTS = 5
FIRST_PART = 100000  # part numbers have equal length
ANSWER_TIMEOUT_S = 5.0
COMMAND_TIMEOUT_S = 60.0
CHECKSUM_TIMEOUT_S = 5.0  # for a block, in addition to its time on the line
MIN_BYTES_PER_S = 900.0  # at 9600 baud
#: Checksum programs by name, with the first field that each prints. Debian's BusyBox lacks cksum.
CHECKSUMS: dict[str, Callable[[bytes], str]] = {
    "cksum": lambda data: str(cksum(data)),
    "md5sum": lambda data: hashlib.md5(data, usedforsecurity=False).hexdigest(),
    "sha256sum": lambda data: hashlib.sha256(data).hexdigest(),
    "sha1sum": lambda data: hashlib.sha1(data, usedforsecurity=False).hexdigest(),
}


class ShellUploader:
    """Uploads files through one shell; it remembers which programs the board has."""

    def __init__(self, shell: Shell) -> None:
        self.shell = shell
        self._checksum_program: str | None = None  # "": none, so od prints the whole file
        self._has_base64: bool | None = None

    def upload(self, data: bytes, path: str) -> None:
        """Write `data` to `path` on the board; `DeployError` if that fails."""
        target, parts = shlex.quote(path), shlex.quote(f"{path}.parts")
        # A lost answer makes every command run twice, so each part is a file of its own.
        # Part names have equal length: a lost character does not turn one into another.
        self._run(f"rm -rf {parts} && mkdir {parts} && : > {target}", path)
        if self._has_base64 is None:
            self._has_base64 = self.shell.has("base64")
        start, failures, number = 0, 0, FIRST_PART
        size = FIFO_BLOCK_BYTES if self.shell.fifo else BLOCK_BYTES
        while start < len(data):
            block = data[start : start + size]
            part = f"{parts}/{number}"
            if self._type_block(block, part, number) and self._matches(block, part, len(block)):
                start, failures, number = start + size, 0, number + 1
                continue
            # The end of the here-document or of a string may be lost.
            self.shell.interrupt()
            # On a line that loses characters, small blocks get through.
            size, failures = max(size // 4, MIN_BLOCK_BYTES), failures + 1
            if failures > MAX_ATTEMPTS:
                text = f"{path}: damaged {failures} times on its way over the console"
                raise DeployError(self.shell.explain(text))
        join_parts = (
            f"n={FIRST_PART}; while [ $n -lt {number} ]; do cat {parts}/$n; n=$((n+1)); done"
            f" > {target}\n"
        )
        for _ in range(MAX_ATTEMPTS):
            self.shell.type(join_parts.encode())
            if self._matches(data, target, 0):
                self._run(f"rm -rf {parts}", path)
                return
            self.shell.interrupt()
        raise DeployError(self.shell.explain(f"cannot write {path} on the board"))

    def _type_block(self, block: bytes, part: str, number: int) -> bool:
        """Type the commands that write `block` to `part`, a quoted path; False if they fail."""
        if not self.shell.fifo:
            self.shell.type(
                _base64_commands(block, part) if self._has_base64 else _octal_commands(block, part)
            )
            return True
        # The echo of the terminal shows that the board has received the characters. The echo
        # of the shell does not: some shells redraw the line while they edit it.
        self.shell.type(
            f"stty echo; printf '<%s %s>\\n' lava-ready {number}; "
            f'while IFS= read -r l && [ "$l" != . ]; do printf \'%s\\n\' "$l"; done '
            f"> {part}.text; stty -echo\n".encode()
        )
        if not self.shell.expect(b"<lava-ready %d>" % number, ANSWER_TIMEOUT_S):
            return False
        lines = (block[at : at + FIFO_LINE_BYTES] for at in range(0, len(block), FIFO_LINE_BYTES))
        encode = base64.b64encode if self._has_base64 else _octal_escapes
        if not self.shell.type_echoed(b"".join(encode(line) + b"\n" for line in lines) + b".\n"):
            return False
        if self._has_base64:
            decode = f"base64 -d < {part}.text > {part}"
        else:
            decode = f'while IFS= read -r l; do printf "$l"; done < {part}.text > {part}'
        answer = self.shell.try_run(f"{decode}; rm -f {part}.text", COMMAND_TIMEOUT_S)
        return answer is not None

    def _matches(self, data: bytes, path: str, typed: int) -> bool:
        """Return whether the file `path`, a quoted path, holds `data`.

        `typed` is the number of bytes that the board may still be receiving.
        """
        if self._checksum_program is None:
            self._checksum_program = next((s for s in CHECKSUMS if self.shell.has(s)), "")
        program = self._checksum_program
        if program:
            seconds = CHECKSUM_TIMEOUT_S + 4 * typed / MIN_BYTES_PER_S
            answer = self.shell.try_run(f"{program} < {path}", seconds)
            return answer is not None and CHECKSUMS[program](data) in answer[1].split()
        seconds = CHECKSUM_TIMEOUT_S + (4 * typed + 5 * len(data)) / MIN_BYTES_PER_S
        answer = self.shell.try_run(f"od -v -b < {path}", seconds)
        if answer is None:
            return False
        if answer[0] == 127:
            names = ", ".join(CHECKSUMS)
            raise DeployError(
                f"the board has none of {names} and od: uploaded files cannot be checked"
            )
        fields = [field for line in answer[1].splitlines() for field in line.split()[1:]]
        return fields == [f"{byte:03o}" for byte in data]

    def _run(self, command: str, path: str) -> None:
        """Run an idempotent command, with retries; `DeployError` names `path`."""
        for _ in range(MAX_ATTEMPTS):
            answer = self.shell.try_run(command, COMMAND_TIMEOUT_S)
            if answer is not None and answer[0] == 0:
                return
            self.shell.interrupt()
        text = f"{answer[1] or f'exit code {answer[0]}'}" if answer else "no answer"
        raise DeployError(f"cannot write {path} on the board: {text}")


def _base64_commands(block: bytes, part: str) -> bytes:
    """Return one here-document: the shell reads it whole before it starts a program."""
    lines = (block[start : start + LINE_BYTES] for start in range(0, len(block), LINE_BYTES))
    text = b"".join(base64.b64encode(line) + b"\n" for line in lines)
    return b"base64 -d > %b << 'E-O-F'\n%bE-O-F\n" % (part.encode(), text)


def _octal_commands(block: bytes, part: str) -> bytes:
    size = LINE_BYTES // 4
    lines = (block[start : start + size] for start in range(0, len(block), size))
    return b": > %b\n" % part.encode() + b"".join(
        b"printf '%b' >> %b\n" % (_octal_escapes(line), part.encode()) for line in lines
    )


def _octal_escapes(line: bytes) -> bytes:
    return b"".join(b"\\%03o" % byte for byte in line)
