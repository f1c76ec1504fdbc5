"""A parsed file as a tree in which each part has its position.

Both readers build such a tree and enforce the same limits, so later stages do not depend on the
file's language.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any, TypeAlias

#: The path from the top of a file to a value: keys and list indices.
Path: TypeAlias = tuple[str | int, ...]

MAX_DEPTH = 64  # levels of nesting
TOO_DEEP = f"nested more than {MAX_DEPTH} levels deep"
MAX_VALUES = 100_000  # values in a file; those of an alias count each time

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n|\Z)")
_UNUSABLE = re.compile("[\0\ud800-\udfff]")


class ParseError(Exception):
    """An error in the text at `index`, in characters from its start."""

    def __init__(self, index: int, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.index = index
        self.message = message
        self.hint = hint


@dataclass(frozen=True, slots=True)
class PositionedValue:
    """A value, and where it and its parts begin (indices into the text)."""

    data: Any
    index: int
    keys: Mapping[str, int] = field(default_factory=dict)
    children: Mapping[str, PositionedValue] | Sequence[PositionedValue] = ()
    size: int = 1  # number of values, itself included

    def parts(self) -> Iterable[tuple[str | int, PositionedValue]]:
        """Return each part with its key or list index."""
        if isinstance(self.children, Mapping):
            return list(self.children.items())
        return list(enumerate(self.children))

    def child(self, step: str | int) -> PositionedValue | None:
        """Return the part under a key or list index; None if there is none."""
        if isinstance(self.children, Mapping):
            return self.children.get(step) if isinstance(step, str) else None
        if isinstance(step, int) and 0 <= step < len(self.children):
            return self.children[step]
        return None


class Lines:
    """Converts an index into a text to line and column, as an editor counts them."""

    def __init__(self, text: str) -> None:
        self._starts = [0, *accumulate(len(line) for line in _LINE.findall(text) if line)]
        self._end = len(text.rstrip())

    def place(self, index: int) -> tuple[int, int]:
        """Return line and column, both from 1; trailing white space of the text does not count."""
        index = min(index, self._end)
        line = bisect_right(self._starts, index, hi=max(1, len(self._starts) - 1))
        return line, index - self._starts[line - 1] + 1


def make_mapping(
    index: int,
    items: Sequence[tuple[str, int, PositionedValue]],
    faults: list[ParseError],
    lines: Lines,
) -> PositionedValue:
    """Build an object from (key, index of the key, value); report duplicate keys in `faults`."""
    keys: dict[str, int] = {}
    children: dict[str, PositionedValue] = {}
    for key, key_index, value in items:
        if key in keys:
            first, _ = lines.place(keys[key])
            message = f"key {shown(key)} is duplicated"
            faults.append(ParseError(key_index, message, f"first on line {first}"))
            continue
        keys[key] = key_index
        children[key] = value
    data = {key: child.data for key, child in children.items()}
    return PositionedValue(data, index, keys, children, _size(index, list(children.values())))


def make_sequence(index: int, items: Sequence[PositionedValue]) -> PositionedValue:
    """Build a list."""
    return PositionedValue([item.data for item in items], index, {}, items, _size(index, items))


def check_text(value: str, index: int) -> str:
    """Return `value`; raise `ParseError` if no file name, command or UTF-8 text can contain it."""
    if _UNUSABLE.search(value):
        raise ParseError(index, "text contains a NUL character or a lone surrogate")
    return value


def check_depth(depth: int, index: int) -> None:
    """Raise `ParseError` if a value is nested too deeply."""
    if depth > MAX_DEPTH:
        raise ParseError(index, TOO_DEEP)


def shown(value: object, limit: int = 60) -> str:
    """Return `value` for a message: on one line, shortened, in quotes if it is text."""
    text = repr(value)
    return text if len(text) <= limit else f"{text[: limit - 4]}...{text[-1]}"


def _size(index: int, items: Sequence[PositionedValue]) -> int:
    size = 1 + sum(item.size for item in items)
    if size > MAX_VALUES:
        raise ParseError(index, f"more than {MAX_VALUES} values (aliases count each time)")
    return size
