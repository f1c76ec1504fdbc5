"""Text that a board or a job made, made safe to show."""

from __future__ import annotations

import html
import re
import unicodedata

_UNKNOWN = "\N{REPLACEMENT CHARACTER}"
# Neither HTML nor XML 1.0 has a way to say these, not even escaped.
_FORBIDDEN = re.compile("[^\t\n\r\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def one_line(text: str) -> str:
    """Return `text` as one line that commands no terminal.

    Escape sequences lose their escape; characters that turn the direction of
    writing or hide are replaced too.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else " " if c.isspace() else _UNKNOWN for c in text)


def speakable(text: str) -> str:
    """Return `text` without what XML and HTML cannot hold; lines are kept."""
    return _FORBIDDEN.sub(_UNKNOWN, text)


def plain(text: str) -> str:
    """Return `text` with its lines kept and everything else that is not seen replaced.

    That includes characters which turn the direction of writing, or hide.
    """
    if text.isprintable():
        return text
    return "".join(c if c in "\n\t" or c.isprintable() else _UNKNOWN for c in text)


def escape(text: str) -> str:
    """Return `text` for HTML, in an element or a quoted attribute."""
    return html.escape(plain(text))


def width(text: str) -> int:
    """Return how many columns a terminal needs for a printable line."""
    if text.isascii():
        return len(text)
    return sum(_columns(character) for character in text)


def clip(text: str, columns: int) -> str:
    """Return as much of a printable line as fits; `..` at its end if that is not all."""
    if width(text) <= columns:
        return text
    mark = ".."[: max(columns, 0)]
    room = columns - len(mark)
    for place, character in enumerate(text):
        room -= _columns(character)
        if room < 0:
            return text[:place] + mark
    return text


def pad(text: str, columns: int) -> str:
    """Return `text` with spaces up to `columns`."""
    return text + " " * (columns - width(text))


def _columns(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) in {"Mn", "Me"}:
        return 0
    return 2 if unicodedata.east_asian_width(character) in {"W", "F"} else 1
