"""The console logs of a run for reports: cut, filtered, and safe to display."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from .. import shell_markers
from .safe_text import one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

#: Console text of all nodes in one report, and of one node.
MAX_REPORT_BYTES = 48 << 20
MAX_NODE_BYTES = 8 << 20
#: The same for a report of a run in progress.
MAX_RUNNING_REPORT_BYTES = 2 << 20

MAX_EXCERPTS = 300  # of one report; each takes some reads and kilobytes
LINES_BEFORE = 12
LINES_AFTER = 4  # the last output of a dying board ...
LINES_AFTER_S = 2.0  # ... within this time
EXCERPT_BYTES = 65536  # in which the lines of an excerpt are searched
# Characters that a terminal or browser would interpret or hide.
_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    "\ud800-\udfff\ufe00-\ufe0f\ufeff\ufff9-\ufffb\U000e0000-\U000e0fff]"
)


@dataclass(frozen=True)
class ConsoleText:
    """One node's console for a report."""

    node: str
    text: str  # lines of console.log, without control characters
    left_out: int = 0  # bytes, in the middle


class Consoles:
    """The console logs of a run directory; None: without a directory, there are none."""

    def __init__(self, directory: Path | None, total: int = MAX_REPORT_BYTES) -> None:
        self._directory = directory
        self._total = total

    def of(self, nodes: Iterable[str]) -> Iterator[ConsoleText]:
        """Yield the console of each node that has one, within the total size."""
        found = [(node, path) for node in nodes if (path := self.path(node)) is not None]
        share = min(MAX_NODE_BYTES, self._total // max(1, len(found)))
        for node, path in found:
            data, left_out = _read(path, share)
            yield ConsoleText(node, visible(data), left_out)

    def path(self, node: str) -> Path | None:
        """Return the path of a node's console.log, or None. No name leads to another file."""
        if self._directory is None or Path(node).name != node or "\0" in node:
            return None
        path = self._directory / "nodes" / node / "console.log"
        try:
            return path if path.is_file() else None
        except (OSError, ValueError):  # ValueError: not a valid file name
            return None

    def around(self, node: str, time: float) -> list[str]:
        """Return the last lines of `node` before `time` (seconds), and the first after it."""
        path = self.path(node)
        if path is None:
            return []
        with open(path, "rb") as file:
            end = _place_of(file, time, path.stat().st_size)
            start = max(0, end - EXCERPT_BYTES)
            file.seek(start)
            before = file.read(end - start)
            after = file.read(EXCERPT_BYTES // 8)
        lines = filter_console(before)[-LINES_BEFORE:]
        lines += [
            line
            for line in filter_console(after)[:LINES_AFTER]
            if _at(line) <= time + LINES_AFTER_S
        ]
        return visible(b"\n".join(lines)).split("\n") if lines else []


class Excerpts:
    """Returns console excerpts around failures, for the first `MAX_EXCERPTS` of them."""

    def __init__(self, consoles: Consoles) -> None:
        self._consoles = consoles
        self._left = MAX_EXCERPTS

    def __call__(self, node: str, time: float) -> list[str]:
        """Return the lines of `Consoles.around`, or none above the limit."""
        if not self._left:
            return []
        self._left -= 1
        return self._consoles.around(node, time)


def visible(data: bytes) -> str:
    r"""Return console bytes as text with control characters escaped: \x1b, \u202e."""
    text = data.decode("utf-8", "backslashreplace")
    return _HIDDEN.sub(lambda match: match[0].encode("unicode_escape").decode("ascii"), text)


def _read(path: Path, limit: int) -> tuple[bytes, int]:
    """Return whole lines from both ends, up to `limit` bytes, and the number left out."""
    with open(path, "rb") as file:
        size = path.stat().st_size
        if size <= limit:
            return file.read(limit), 0
        # The end matters most, so it gets three quarters.
        head = file.read(limit // 4)
        head = head[: head.rfind(b"\n") + 1]
        file.seek(size - (limit - limit // 4))
        tail = file.read(limit)
    tail = tail[tail.find(b"\n") + 1 :]
    left_out = size - len(head) - len(tail)
    time = STAMP.match(tail)
    stamp = b"[%s] " % (time[1] if time else b"0.0").rjust(12)
    note = b"-- %d bytes left out here; nodes/%s/console.log has them --\n"
    return head + stamp + note % (left_out, path.parent.name.encode()) + tail, left_out


def _place_of(file: BinaryIO, time: float, size: int) -> int:
    """Return the offset of the first line that is later than `time`, by bisection."""
    low, high = 0, size
    while high - low > EXCERPT_BYTES // 16:
        middle = (low + high) // 2
        stamp = _next_stamp(file, middle)
        if stamp is None or stamp > time:
            high = middle
        else:
            low = middle
    file.seek(low)
    offset = low
    # The line around `low` is early enough.
    for line in file:
        if _at(line) > time:
            return offset
        offset += len(line)
    return offset


def _next_stamp(file: BinaryIO, offset: int) -> float | None:
    file.seek(offset)
    file.readline()
    line = file.readline()
    return _at(line) if line else None


def _at(line: bytes) -> float:
    stamp = STAMP.match(line)
    return float(stamp[1]) if stamp else 0.0


STAMP = re.compile(rb"\[ *(\d+\.\d+)\] ?")
_NUMBER = rb"(\d+)"


def _pattern(words: str) -> bytes:
    """Return the pattern of `words`, in which 0 is a number."""
    return re.escape(words.encode()).replace(b"0", _NUMBER)


_BEGUN = re.compile(_pattern(shell_markers.begun(0)))
_ENDED = re.compile(_pattern(shell_markers.ended(0, 0)))
#: The output of a command that prints an ID, a checksum or a mark.
_ANSWER = re.compile(rb"(\d+|[0-9a-f]{32,})( +\d+)*( +-)?")
_NOTHING = re.compile(
    rb"<LAVA_[^<]*>~*|<lava-(begin|end|ready) [\d ]+>|-- power (off|cycle) --"
    rb"|" + re.escape(shell_markers.RUNNER_ENDED.encode()) + rb" \d+"
    rb"|(.{0,80}[#$>%:] )?(" + re.escape(shell_markers.KEEP_CODE.encode()) + rb"|"
    + _pattern(shell_markers.end(0)) + rb")"
)  # fmt: skip
#: The echo of one of the first commands, which a shell may wrap.
_TYPED = re.compile(rb".{0,80}" + _pattern(shell_markers.begin(0)) + rb"(?P<command>.*)")
_FIRST = (shell_markers.PLAIN_SHELL.encode(), shell_markers.QUIET.encode())


def filter_console(data: bytes) -> list[bytes]:
    """Return the lines that a board printed by itself, with their times.

    Dropped are the frames of the console channel and the dispatcher's dialogue with the
    board's shell: echoed commands, and the numbers and checksums that they print. The output
    of a kernel, a test or a failed command is always kept.
    """
    kept: list[bytes] = []
    begun: tuple[bytes, int] | None = None  # the running command, and the start of its output
    echo = b""  # the expected rest of an echo
    for line in data.split(b"\n"):
        text = _text(line)
        rest = _rest_of_echo(text, echo)
        echo = rest or b""
        if mark := _BEGUN.fullmatch(text):
            begun = mark[1], len(kept)
        elif (mark := _ENDED.fullmatch(text)) and begun is not None:
            if mark.groups() == (begun[0], b"0"):
                output = kept[begun[1] :]
                kept[begun[1] :] = (each for each in output if not _ANSWER.fullmatch(_text(each)))
            begun = None
        elif text and rest is None and not _NOTHING.fullmatch(text):
            kept.append(line)
    return kept


def _text(line: bytes) -> bytes:
    return STAMP.sub(b"", line, count=1).strip()


def _rest_of_echo(text: bytes, echo: bytes) -> bytes | None:
    """Return the rest of a first command's echo behind `text`; None: not an echo."""
    if found := _TYPED.fullmatch(text):
        for command in _FIRST:
            if command.startswith(found["command"]):
                return command.removeprefix(found["command"]).lstrip()
    if text and echo.startswith(text):
        return echo.removeprefix(text).lstrip()
    return None


TAIL_BYTES = 4096  # at the end of console.log


class LastLines:
    """The last line of each console of a run directory, for a live display.

    A file is read again only after it has grown.
    """

    def __init__(self, directory: Path) -> None:
        self._consoles = Consoles(directory)
        self._known: dict[str, tuple[int, str]] = {}

    def __call__(self, node: str) -> str:
        """Return the last printed line of `node`, safe to display, or the empty text."""
        path = self._consoles.path(node)
        size, line = self._known.get(node, (0, ""))
        try:
            if path is None or (now := path.stat().st_size) == size:
                return line
            with open(path, "rb") as file:
                file.seek(max(0, now - TAIL_BYTES))
                lines = filter_console(file.read(TAIL_BYTES))
        except OSError:
            return line
        if lines:
            line = one_line(visible(lines[-1].partition(b"] ")[2])).strip()
        self._known[node] = (now, line)
        return line
