"""Hints for names that are not known: "did you mean 'x'?"."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the known name that was probably meant by `word`, if any."""
    names = {name.lower(): name for name in sorted(known)}
    near = get_close_matches(word.lower(), names, n=1)
    return names[near[0]] if near else None


def suggest(word: str, known: Iterable[str], *, what: str = "known") -> str:
    """Return a hint with the known name nearest to `word`, or else with all of them."""
    names = sorted(set(known))
    near = nearest(word, names)
    if near is not None:
        return f"did you mean '{near}'?"
    if not names:
        return ""
    some = names[:12]
    more = ", ..." if len(names) > len(some) else ""
    return f"{what}: {', '.join(some)}{more}"


def either(words: Iterable[str], joint: str = "or") -> str:
    """Return "a, b or c"."""
    *most, last = words
    return f"{', '.join(most)} {joint} {last}" if most else last
