"""Splits long lines into overlapping windows, which bound the text that an expression sees.

A match of up to half a window lies in one of them. The start of the search in a window depends
on the previous match, so that no match is found twice.
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
#: The `begin` of a window that continues a line.
CARRIED = -1
_decoder = partial(codecs.getincrementaldecoder("utf-8"), "replace")


class Window(NamedTuple):
    """A part of a line; a continuing one begins with the character before it.

    `begin` is where the search starts, or `CARRIED`: where the search in the previous window
    stopped. `shift` is the distance to the next window, which has the text from `shift + 1` on.
    `ends`: the line ends here.
    """

    text: str
    begin: int
    shift: int
    ends: bool


class Windows:
    """Splits lines that arrive in parts; it keeps the end of an open line."""

    def __init__(self, size: int = LARGE_WINDOW_CHARS) -> None:
        self.size = size
        self._text = ""
        self._begin = 0
        self._decoder = _decoder()

    def feed(self, lines: Sequence[bytes], *, ends: bool) -> list[Window]:
        """Return the windows of `lines`; unless `ends`, the last line is continued by the next."""
        found: list[Window] = []
        last = len(lines) - 1
        for number, line in enumerate(lines):
            whole = ends or number < last
            self._text += self._decoder.decode(line, whole)
            *windows, rest = split_window(Window(self._text, self._begin, 0, whole), self.size)
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


def split_window(window: Window, size: int) -> Iterator[Window]:
    """Yield windows of at most `size` characters that together cover `window`."""
    text, begin, shift, ends = window
    while len(text) > size + (begin != 0):
        step = size // 2 - (begin == 0)  # with the character before the next one
        yield Window(text[: size + (begin != 0)], begin, step, ends=False)
        text, begin, shift = text[step:], CARRIED, shift - step
    yield Window(text, begin, shift, ends)
