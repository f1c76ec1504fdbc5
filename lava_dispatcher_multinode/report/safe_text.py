"""Makes text from boards and jobs safe to display."""

from __future__ import annotations

import html
import re
import unicodedata

_UNKNOWN = "\N{REPLACEMENT CHARACTER}"
# HTML and XML 1.0 cannot represent these, not even escaped.
_FORBIDDEN = re.compile("[^\t\n\r\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def one_line(text: str) -> str:
    """Return `text` as one printable line.

    Control characters, and characters that are invisible or change the writing direction, are
    replaced.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else " " if c.isspace() else _UNKNOWN for c in text)


def xml_text(text: str) -> str:
    """Return `text` without characters that XML and HTML cannot represent; lines are kept."""
    return _FORBIDDEN.sub(_UNKNOWN, text)


def plain(text: str) -> str:
    """Return `text` with lines and tabs kept, and other unprintable characters replaced."""
    if text.isprintable():
        return text
    return "".join(c if c in "\n\t" or c.isprintable() else _UNKNOWN for c in text)


def escape(text: str) -> str:
    """Return `text` escaped for an HTML element or a quoted attribute."""
    return html.escape(plain(text))


def width(text: str) -> int:
    """Return the number of terminal columns of a printable line."""
    if text.isascii():
        return len(text)
    return sum(_columns(character) for character in text)


def clip(text: str, columns: int) -> str:
    """Return a printable line cut to `columns`, with `..` at its end if it was longer."""
    if width(text) <= columns:
        return text
    mark = ".."[: max(columns, 0)]
    left = columns - len(mark)
    for place, character in enumerate(text):
        left -= _columns(character)
        if left < 0:
            return text[:place] + mark
    return text


def pad(text: str, columns: int) -> str:
    """Return `text` padded with spaces to `columns`."""
    return text + " " * (columns - width(text))


def _columns(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) in {"Mn", "Me"}:
        return 0
    return 2 if unicodedata.east_asian_width(character) in {"W", "F"} else 1


def first_line(text: str) -> str:
    """Return the first line that is not blank, stripped."""
    return next((line.strip() for line in text.splitlines() if line.strip()), "")
