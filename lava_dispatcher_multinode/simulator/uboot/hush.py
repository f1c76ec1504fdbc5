"""The command language of U-Boot (its hush shell): separators, quotes, variables, control flow."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

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


_RESERVED = frozenset(["if", "then", "elif", "else", "fi", "for", "while", "until", "do", "done"])
_FOR = re.compile(r"([A-Za-z_]\w*)\s+in(?:\s+(.*))?", re.DOTALL)


class Incomplete(ValueError):
    """A line ends within a quote or within control flow: the next line continues it."""


class Command(NamedTuple):
    """One command as written, and what stands before it: ";", "&&" or "||"."""

    after: str
    raw: str


def split(line: str) -> Iterator[Command]:
    """Yield the commands of `line`; `Incomplete` where a quote is not closed."""
    after, raw = ";", ""
    for match in _TOKEN.finditer(line):
        token = match.group()
        if token in {";", "\n", "&&", "||"}:
            if raw.strip():
                yield Command(after, raw.strip())
            after, raw = token if token in {"&&", "||"} else ";", ""
        elif token in {"'", '"'}:
            raise Incomplete("a quote is not closed")
        elif match["comment"] is None:
            raw += token
    if raw.strip():
        yield Command(after, raw.strip())


class If(NamedTuple):
    """`if ...; then ...; elif ...; then ...; else ...; fi`."""

    branches: list[tuple[Block, Block]]  # condition, commands
    otherwise: Block


class For(NamedTuple):
    """`for NAME in WORDS; do ...; done`."""

    name: str
    raw: str
    body: Block


class Loop(NamedTuple):
    """`while ...; do ...; done`, or `until`."""

    until: bool
    condition: Block
    body: Block


#: What stands before each statement (see `Command`), and the statement: a command as written,
#: or control flow.
Block: TypeAlias = "list[tuple[str, str | If | For | Loop]]"


def parse(line: str) -> Block:
    """Return the statements of `line`.

    Raises `Incomplete`, or `ValueError` if the syntax is wrong.
    """
    tokens: list[Command] = []
    for command in split(line):
        after, raw = command
        while (word := raw.split(None, 1)) and word[0] in _RESERVED:
            tokens.append(Command(after, word[0]))
            after, raw = "", word[1] if len(word) > 1 else ""
            if word[0] == "for":
                break
        if raw:
            tokens.append(Command(after, raw))
    parser = _Parser(tokens)
    block = parser.block(frozenset())
    if tokens and not block:
        raise ValueError("no command")
    return block


class _Parser:
    def __init__(self, tokens: list[Command]) -> None:
        self._tokens = tokens[::-1]

    def block(self, ends: frozenset[str]) -> Block:
        """Parse statements up to one of the words `ends`, which stays; without, up to the end."""
        found: Block = []
        while self._tokens:
            after, raw = self._tokens[-1]
            if raw in ends:
                break
            if found and not after:
                raise ValueError(f"no separator before {raw}")
            self._tokens.pop()
            found.append((after or ";", self._statement(raw)))
        if ends and not self._tokens:
            raise Incomplete(f"expected one of {sorted(ends)}")
        if ends and not found:
            raise ValueError(f"expected a command before {self._tokens[-1].raw}")
        return found

    def _statement(self, raw: str) -> str | If | For | Loop:
        if raw == "if":
            return self._if()
        if raw in {"while", "until"}:
            condition = self._part("do")
            return Loop(raw == "until", condition, self._part("done"))
        if raw == "for":
            head = _FOR.fullmatch(self._tokens.pop().raw) if self._tokens else None
            if head is None:
                raise ValueError("for NAME in WORDS")
            if not self._tokens:
                raise Incomplete("expected do")
            if self._tokens.pop().raw != "do":
                raise ValueError("for NAME in WORDS; do")
            return For(head[1], head[2] or "", self._part("done"))
        if raw in _RESERVED:
            raise ValueError(f"unexpected {raw}")
        return raw

    def _if(self) -> If:
        branches: list[tuple[Block, Block]] = []
        while True:
            condition = self._part("then")
            branches.append((condition, self.block(frozenset({"elif", "else", "fi"}))))
            word = self._tokens.pop().raw
            if word == "else":
                return If(branches, self._part("fi"))
            if word == "fi":
                return If(branches, [])

    def _part(self, end: str) -> Block:
        """Parse statements up to the word `end`, and that."""
        found = self.block(frozenset({end}))
        self._tokens.pop()
        return found


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
            parts = _parameter(text, value).split(" ")
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
        if escaped is not None:
            return escaped
        return _parameter(braced if braced is not None else plain, value)

    return _INSIDE.sub(replace, text)


def _parameter(text: str, value: Callable[[str], str]) -> str:
    """Return the value of `NAME`, `NAME:-DEFAULT` or `NAME:+OTHER`."""
    name, operator, other = re.fullmatch(r"(?s)(.*?)(?:(:[-+])(.*))?", text).groups()  # type: ignore[union-attr]
    found = value(name)
    if operator == ":+":
        return other if found else ""
    return found or other or ""
