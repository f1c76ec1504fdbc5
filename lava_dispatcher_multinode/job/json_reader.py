"""JSON with the position of every key and value.

The standard library's decoder reports no positions, and the YAML reader refuses JSON's tabs and
long keys. So this module parses the structure, and the standard library the strings.
"""

from __future__ import annotations

import json
import math
import re
from json.decoder import scanstring  # type: ignore[attr-defined]

from .tree import (
    Lines,
    ParseError,
    PositionedValue,
    check_depth,
    check_text,
    make_mapping,
    make_sequence,
    shown,
)

_SPACE = re.compile(r"[ \t\r\n]*")
_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(\.\d+)?([eE][-+]?\d+)?", re.ASCII)
_WORD = re.compile(r"[-+\w.]+")
_CONSTANTS = {"true": True, "false": False, "null": None}
_SPARE = "remove the comma before it"
_TYPESET = {"\u201c", "\u201d", "\u201e", "\u2018", "\u2019"}  # quotation marks of word processors
_IN_TEXT = {
    "invalid control character": "write \\n for a line end and \\t for a tab",
    "invalid \\escape": "write \\\\ for a backslash",
}
_PYTHON = {"True": "true", "False": "false", "None": "null"}


def read_json(text: str, lines: Lines) -> tuple[PositionedValue, list[ParseError]]:
    """Return the value of the text, and the errors that did not stop the parser.

    Raises `ParseError` for the first error that stopped it.
    """
    reader = _JsonReader(text, lines)
    value, end = reader.value(reader.skip(0), 1)
    end = reader.skip(end)
    if end != len(text):
        raise ParseError(
            end, f"unexpected {reader.describe_at(end)} after the end of the first value"
        )
    return value, reader.faults


class _JsonReader:
    def __init__(self, text: str, lines: Lines) -> None:
        self.text = text
        self.lines = lines
        self.faults: list[ParseError] = []

    def skip(self, index: int) -> int:
        match = _SPACE.match(self.text, index)
        assert match is not None
        return match.end()

    def describe_at(self, index: int) -> str:
        return shown(self.text[index]) if index < len(self.text) else "end of the file"

    def fault(self, index: int, expected: str, hint: str) -> ParseError:
        """Return the error for anything but `expected` at `index`."""
        comment = self.text[index : index + 1] in ("#", "/")
        hint = "JSON has no comments; YAML has" if comment else hint
        return ParseError(index, f"expected {expected}, found {self.describe_at(index)}", hint)

    def value(self, index: int, depth: int) -> tuple[PositionedValue, int]:
        check_depth(depth, index)
        match self.text[index : index + 1]:
            case "{":
                return self.object(index, depth)
            case "[":
                return self.array(index, depth)
            case '"':
                text, end = self.string(index)
                return PositionedValue(text, index), end
            case _:
                return self.plain(index)

    def object(self, index: int, depth: int) -> tuple[PositionedValue, int]:
        items: list[tuple[str, int, PositionedValue]] = []
        end = self.skip(index + 1)
        while items or self.text[end : end + 1] != "}":
            if self.text[end : end + 1] != '"':
                spare = items and self.text[end : end + 1] in {"}", ","}
                hint = _SPARE if spare else 'put keys in double quotes ("x")'
                raise self.fault(end, "a key", hint)
            key_index = end
            key, end = self.string(end)
            end = self.skip(end)
            if self.text[end : end + 1] != ":":
                raise ParseError(end, f"expected ':' after the key, found {self.describe_at(end)}")
            child, end = self.value(self.skip(end + 1), depth + 1)
            items.append((key, key_index, child))
            end = self.skip(end)
            if self.text[end : end + 1] == "}":
                break
            end = self.comma(end, index, "}")
        return make_mapping(index, items, self.faults, self.lines), end + 1

    def array(self, index: int, depth: int) -> tuple[PositionedValue, int]:
        items: list[PositionedValue] = []
        end = self.skip(index + 1)
        while items or self.text[end : end + 1] != "]":
            if items and self.text[end : end + 1] in {"]", ","}:
                raise self.fault(end, "a value", _SPARE)
            child, end = self.value(end, depth + 1)
            items.append(child)
            end = self.skip(end)
            if self.text[end : end + 1] == "]":
                break
            end = self.comma(end, index, "]")
        return make_sequence(index, items), end + 1

    def comma(self, index: int, opened: int, closing: str) -> int:
        if self.text[index : index + 1] == ",":
            return self.skip(index + 1)
        line, column = self.lines.place(opened)
        hint = f"the '{self.text[opened]}' at line {line}, column {column} is not closed"
        if self.text[index : index + 1] in {'"', "{", "["}:
            hint = "a comma is missing before it"
        raise self.fault(index, f"',' or '{closing}'", hint)

    def string(self, index: int) -> tuple[str, int]:
        try:
            value, end = scanstring(self.text, index + 1, True)
        except json.JSONDecodeError as error:
            message = error.msg[0].lower() + error.msg[1:].removesuffix(" at")
            hint = next(
                (hint for start, hint in _IN_TEXT.items() if message.startswith(start)), ""
            )
            raise ParseError(min(error.pos, len(self.text)), message, hint) from None
        return check_text(value, index), end

    def plain(self, index: int) -> tuple[PositionedValue, int]:
        match = _WORD.match(self.text, index)
        word = match.group() if match else ""
        if word in _CONSTANTS:
            return PositionedValue(_CONSTANTS[word], index), index + len(word)
        number = _NUMBER.fullmatch(word)
        if number is None:
            if not word:
                typeset = self.text[index : index + 1] in _TYPESET
                raise self.fault(index, "a value", 'use plain quotes: "' if typeset else "")
            hint = "put text in double quotes"
            if word in _PYTHON:
                hint = f"did you mean {_PYTHON[word]}?"
            elif word.lstrip("-0").isdecimal():
                hint = "remove the leading zero"
            raise ParseError(index, f"expected a value, found {shown(word)}", hint)
        try:
            whole = number.group(1) is None and number.group(2) is None
            value = int(word) if whole else float(word)
        except ValueError:  # more digits than Python converts
            raise ParseError(index, "number with too many digits") from None
        if not math.isfinite(value):
            raise ParseError(index, f"{shown(word)} is too large")
        return PositionedValue(value, index), index + len(word)
