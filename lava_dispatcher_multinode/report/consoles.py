"""The consoles of a run as its report shows them: console.log, cut where it is too long."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from .said import STAMP, saying

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

#: Bytes of console text in one report, all nodes together; and of one node at most.
TOTAL = 48 << 20
MOST = 8 << 20
#: The same for a report that is made while the run is going on.
TOTAL_SO_FAR = 2 << 20

EXCERPTS = 300  # of one report; each costs a few reads and some kilobytes
LINES_BEFORE = 12
LINES_AFTER = 4  # a dying board's, which come ...
LAST_WORDS = 2.0  # ... within this many seconds
EXCERPT_BYTES = 65536  # in which the lines of an excerpt are looked for
# All that a terminal or a browser would obey instead of showing, as UTF-8 text.
_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    "\ud800-\udfff\ufe00-\ufe0f\ufeff\ufff9-\ufffb\U000e0000-\U000e0fff]"
)


@dataclass(frozen=True)
class Console:
    """One node's console for a report."""

    node: str
    text: str  # lines of console.log; nothing in it commands anything
    left_out: int = 0  # bytes, from the middle


class Consoles:
    """The console.log of every node of a run directory; None: there is no directory."""

    def __init__(self, directory: Path | None, total: int = TOTAL) -> None:
        self._directory = directory
        self._total = total

    def of(self, nodes: Iterable[str]) -> Iterator[Console]:
        """Yield the console of each node that has one, all within the total."""
        found = [(node, path) for node in nodes if (path := self.path(node)) is not None]
        share = min(MOST, self._total // max(1, len(found)))
        for node, path in found:
            data, left_out = _read(path, share)
            yield Console(node, visible(data), left_out)

    def path(self, node: str) -> Path | None:
        """Return a node's console.log if there is one. A node's name never leads elsewhere."""
        if self._directory is None or Path(node).name != node or "\0" in node:
            return None
        path = self._directory / "nodes" / node / "console.log"
        try:
            return path if path.is_file() else None
        except (OSError, ValueError):  # ValueError: a name that no file can have
            return None

    def around(self, node: str, time: float) -> list[str]:
        """Return what `node` had printed last at `time` (seconds), and its last words after it."""
        path = self.path(node)
        if path is None:
            return []
        with open(path, "rb") as file:
            end = _place_of(file, time, path.stat().st_size)
            start = max(0, end - EXCERPT_BYTES)
            file.seek(start)
            before = file.read(end - start)
            after = file.read(EXCERPT_BYTES // 8)
        words = saying(before)[-LINES_BEFORE:]
        words += [line for line in saying(after)[:LINES_AFTER] if _at(line) <= time + LAST_WORDS]
        return visible(b"\n".join(words)).split("\n") if words else []


class Excerpts:
    """What boards had said when something failed, for the first of very many failures."""

    def __init__(self, consoles: Consoles) -> None:
        self._consoles = consoles
        self._left = EXCERPTS

    def __call__(self, node: str, time: float) -> list[str]:
        """Return lines as `Consoles.around`; none after `EXCERPTS` of them."""
        if not self._left:
            return []
        self._left -= 1
        return self._consoles.around(node, time)


def visible(data: bytes) -> str:
    r"""Return console bytes as text in which controls and the like stand as \x1b or \u202e."""
    text = data.decode("utf-8", "backslashreplace")
    return _HIDDEN.sub(lambda match: match[0].encode("unicode_escape").decode("ascii"), text)


def _read(path: Path, limit: int) -> tuple[bytes, int]:
    """Return at most `limit` bytes, whole lines from both ends, and how many were left out."""
    with open(path, "rb") as file:
        size = path.stat().st_size
        if size <= limit:
            return file.read(limit), 0
        # The end says most: it has the larger part.
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
    # The line that `low` is in the middle of is early enough.
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
