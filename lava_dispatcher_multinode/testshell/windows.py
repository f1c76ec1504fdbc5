"""Long lines as windows that overlap, so that an expression is applied to texts of bounded length.

A match of at most half a window's length is in one of them, wherever it stands. Where in a
window the search begins depends on the match before, so that none is found twice.
"""

from __future__ import annotations

import codecs
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

#: The size of a window, as in LAVA.
LARGE_WINDOW_CHARS = 8192
#: The size for an expression that is too slow with large ones.
SMALL_WINDOW_CHARS = 1024
#: The `begin` of a window that is not of a line's beginning.
CARRIED = -1
_decoder = partial(codecs.getincrementaldecoder("utf-8"), "replace")


class Window(NamedTuple):
    """A stretch of a line; if it is not the line's beginning, the character before is in front.

    `begin`: where the search begins; `CARRIED`: where the window before has left off.
    `shift`: how much further into the line the next window is; no less of it than from
    `shift + 1` on is in that. `ends`: the line ends here.
    """

    text: str
    begin: int
    shift: int
    ends: bool


class Windows:
    """Cuts lines that come in parts, and keeps of an open line the end."""

    def __init__(self, size: int = LARGE_WINDOW_CHARS) -> None:
        self.size = size
        self._text = ""
        self._begin = 0
        self._decoder = _decoder()

    def feed(self, lines: Sequence[bytes], *, ends: bool) -> list[Window]:
        """Return the windows of `lines`, the last of which goes on if not `ends`."""
        found: list[Window] = []
        last = len(lines) - 1
        for number, line in enumerate(lines):
            whole = ends or number < last
            self._text += self._decoder.decode(line, whole)
            *windows, rest = cut(Window(self._text, self._begin, 0, whole), self.size)
            found += windows
            if whole:
                if rest.text:
                    found.append(rest)
                self._forget()
            else:
                self._text, self._begin = rest.text, rest.begin
        return found

    def _forget(self) -> None:
        self._text = ""
        self._begin = 0
        self._decoder.reset()


def cut(window: Window, size: int) -> Iterator[Window]:
    """Yield windows of at most `size` characters that are the same as `window`."""
    text, begin, shift, ends = window
    while len(text) > size + (begin != 0):
        step = size // 2 - (begin == 0)  # the character in front of the next one
        yield Window(text[: size + (begin != 0)], begin, step, ends=False)
        text, begin, shift = text[step:], CARRIED, shift - step
    yield Window(text, begin, shift, ends)
