"""Hints for unknown names, such as "did you mean 'x'?", and lists of names."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the known name nearest to `word`; None if none is near."""
    names = {name.lower(): name for name in sorted(known)}
    near = get_close_matches(word.lower(), names, n=1)
    return names[near[0]] if near else None


def misspelled(word: str, known: Iterable[str]) -> str | None:
    """Return the known name that `word` probably means; None if it is known, or none is near.

    Names that differ in digits only are of different things, such as models of a board.
    """
    names = set(known)
    near = None if word in names else nearest(word, names)
    return None if near is None or _letters(near) == _letters(word) else near


def _letters(name: str) -> str:
    return re.sub(r"\d", "", name.lower())


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return a hint with the known name nearest to `word`; "" if none is near."""
    near = nearest(word, known)
    return "" if near is None else f"did you mean '{near}'?"


def suggest(word: str, known: Iterable[str], *, what: str = "known") -> str:
    """Return a hint with the nearest known name; if none is near, with up to 12 known names."""
    names = sorted(set(known))
    if near := did_you_mean(word, names):
        return near
    if not names:
        return ""
    some = names[:12]
    more = ", ..." if len(names) > len(some) else ""
    return f"{what}: {', '.join(some)}{more}"


def join_words(words: Iterable[str], joint: str = "or") -> str:
    """Return "a, b or c", with `joint` before the last word."""
    *most, last = words
    return f"{', '.join(most)} {joint} {last}" if most else last
