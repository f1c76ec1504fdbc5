"""Signals that came over the channel, whose lines are therefore no news.

The board's scripts tell a signal and then print it. The line bears a mark, but
noise can take that away, so each line is also looked for among what was told.
"""

from __future__ import annotations

from collections import Counter, deque

#: Texts that are kept, because their lines may yet come.
KEPT = 256


class Told:
    """What was told, and was not yet seen in a line."""

    def __init__(self) -> None:
        self._order: deque[bytes] = deque()
        self._texts: Counter[bytes] = Counter()

    def add(self, text: bytes) -> None:
        """Note what was told, as it stands in a line behind `<LAVA_`."""
        self._order.append(text)
        self._texts[text] += 1
        if len(self._order) > KEPT:
            self._take(self._order.popleft())

    def claim(self, text: bytes) -> bool:
        """Return whether a line with `text` is of a signal that was told; once for each."""
        if text not in self._texts:
            return False
        self._order.remove(text)
        self._take(text)
        return True

    def _take(self, text: bytes) -> None:
        self._texts[text] -= 1
        if not self._texts[text]:
            del self._texts[text]
