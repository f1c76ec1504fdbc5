"""The last thing that each board has printed, for a display that is drawn often."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .consoles import Consoles, visible
from .safe_text import one_line
from .said import saying

if TYPE_CHECKING:
    from pathlib import Path

SIZE = 4096  # bytes at the end of console.log that are looked at


class Tails:
    """Reads the ends of the consoles of a run directory; a file that has not grown only once."""

    def __init__(self, directory: Path) -> None:
        self._consoles = Consoles(directory)
        self._known: dict[str, tuple[int, str]] = {}

    def __call__(self, node: str) -> str:
        """Return the last line of `node` that says anything, harmless to show; maybe empty."""
        path = self._consoles.path(node)
        size, line = self._known.get(node, (0, ""))
        try:
            if path is None or (now := path.stat().st_size) == size:
                return line
            with open(path, "rb") as file:
                file.seek(max(0, now - SIZE))
                lines = saying(file.read(SIZE))
        except OSError:
            return line
        if lines:
            line = one_line(visible(lines[-1].partition(b"] ")[2])).strip()
        self._known[node] = (now, line)
        return line
