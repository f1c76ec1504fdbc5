"""The command language of U-Boot (its hush shell): separators, quotes, variables."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_TOKEN = re.compile(
    r"(?P<comment>(?<![^\s;])#[^\n]*)|'[^']*'|\"(?:\\.|[^\"\\])*\"|\\.|&&|\|\||[;\n]"
    r"|[^'\"\\&|;\n#]+|.",
    re.DOTALL,
)
_PIECE = re.compile(
    r"'(?P<single>[^']*)'|\"(?P<double>(?:\\.|[^\"\\])*)\"|\\(?P<escaped>.)"
    r"|\$\{(?P<braced>[^}]*)\}|\$(?P<plain>[A-Za-z_][A-Za-z0-9_]*|\?)|(?P<space>[ \t]+)"
    r"|(?P<text>[^'\"\\$ \t]+|.)",
    re.DOTALL,
)
_INSIDE = re.compile(r"\\(.)|\$\{([^}]*)\}|\$([A-Za-z_][A-Za-z0-9_]*|\?)", re.DOTALL)


class Command(NamedTuple):
    """One command as written, and what stands before it: ";", "&&" or "||"."""

    after: str
    raw: str


def split(line: str) -> Iterator[Command]:
    """Yield the commands of `line`; ValueError where a quote is not closed."""
    after, raw = ";", ""
    for match in _TOKEN.finditer(line):
        token = match.group()
        if token in {";", "\n", "&&", "||"}:
            if raw.strip():
                yield Command(after, raw.strip())
            after, raw = token if token in {"&&", "||"} else ";", ""
        elif token in {"'", '"'}:
            raise ValueError("a quote is not closed")
        elif match["comment"] is None:
            raw += token
    if raw.strip():
        yield Command(after, raw.strip())


def words(raw: str, value: Callable[[str], str]) -> list[str]:
    """Return the words of one command, with `value(name)` for each variable."""
    found: list[str] = []
    word: str | None = None
    for piece in _PIECE.finditer(raw):
        kind, text = piece.lastgroup, piece.group(piece.lastgroup or 0)
        if kind == "space":
            if word is not None:
                found.append(word)
            word = None
        elif kind == "double":
            word = (word or "") + _expanded(text, value)
        elif kind in {"braced", "plain"}:
            parts = value(text).split(" ")
            for part in parts[:-1]:  # what a variable holds is split, unless in quotes
                if word or part:
                    found.append((word or "") + part)
                word = None
            if parts[-1]:
                word = (word or "") + parts[-1]
        else:
            word = (word or "") + text
    return found if word is None else [*found, word]


def _expanded(text: str, value: Callable[[str], str]) -> str:
    def replace(match: re.Match[str]) -> str:
        escaped, braced, plain = match.groups()
        return escaped if escaped is not None else value(braced if braced is not None else plain)

    return _INSIDE.sub(replace, text)
