"""YAML with the position of every key and value.

Like `yaml.safe_load`, with which LAVA reads jobs, but the result is always expressible in JSON:
keys are the text as written, dates stay text, `.inf` and `.nan` are refused. It works on parser
events: depth and the size of aliases are limited before anything is built.
"""

from __future__ import annotations

import math
import re
from typing import Any

import yaml

from .tree import (
    TOO_DEEP,
    Lines,
    ParseError,
    PositionedValue,
    check_depth,
    check_text,
    make_mapping,
    make_sequence,
    shown,
)

MAX_MERGED_KEYS = 10_000  # keys that '<<' may add in one file

_TAG = "tag:yaml.org,2002:"
#: Parser messages of common mistakes, and the hints for them.
_HINTS = {
    "did not find expected key": "check the indentation and the closing quotes",
    "did not find expected '-'": "align it with the '-' above",
    "mapping values are not allowed": "check the indentation; quote text that contains ': '",
}
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_yaml(text: str, lines: Lines) -> tuple[PositionedValue | None, list[ParseError]]:
    """Return the value of the only document, None if there is none, and lesser errors.

    Raises `ParseError` for the first error that stops the parser.
    """
    bad = _UNPRINTABLE.search(text)
    if bad:
        raise ParseError(bad.start(), f"character {shown(bad.group())} is not allowed in YAML")
    loader = _Loader(text)
    try:
        return _YamlReader(loader, lines).document()
    except yaml.MarkedYAMLError as error:
        raise _fault(error, text) from None
    except yaml.YAMLError as error:
        raise ParseError(0, f"not YAML: {error}") from None
    finally:
        loader.dispose()


def _fault(error: yaml.MarkedYAMLError, text: str) -> ParseError:
    mark = error.problem_mark or error.context_mark
    message = " ".join(part for part in (error.problem, error.context) if part)
    index = mark.index if mark else 0
    if "maximum nesting depth" in message:  # libyaml, since 0.2.6, has its own limit
        return ParseError(index, TOO_DEEP)
    begun = error.context_mark
    if begun is not None and mark is not None and begun.line < mark.line:
        message += f" that begins on line {begun.line + 1}"
    if "\t" in text[index : index + 1]:
        return ParseError(index, message, "indent with spaces, not tabs")
    hints = (hint for problem, hint in _HINTS.items() if problem in message)
    return ParseError(index, message, next(hints, ""))


class _YamlReader:
    def __init__(self, loader: Any, lines: Lines) -> None:
        self.loader = loader
        self.lines = lines
        self.faults: list[ParseError] = []
        self.anchors: dict[str, PositionedValue] = {}
        self.merged = 0  # items that all '<<' of the file have added

    def document(self) -> tuple[PositionedValue | None, list[ParseError]]:
        self.loader.get_event()  # stream start
        if self.loader.check_event(yaml.StreamEndEvent):
            return None, []
        self.loader.get_event()  # document start
        value = self.value(self.loader.get_event(), 1)
        self.loader.get_event()  # document end
        if not self.loader.check_event(yaml.StreamEndEvent):
            index = self.loader.get_event().start_mark.index
            raise ParseError(index, "a second document starts here; only one is allowed")
        return value, self.faults

    def value(self, event: Any, depth: int) -> PositionedValue:
        index: int = event.start_mark.index
        check_depth(depth, index)
        if isinstance(event, yaml.AliasEvent):
            if event.anchor not in self.anchors:  # also an alias inside its own anchor
                raise ParseError(
                    index,
                    f"alias *{event.anchor} refers to an incomplete or unknown &{event.anchor}",
                )
            return self.anchors[event.anchor]
        if isinstance(event, yaml.ScalarEvent):
            value = PositionedValue(self.scalar(event), index)
        elif isinstance(event, yaml.SequenceStartEvent):
            value = self.sequence(event, depth)
        else:
            value = self.mapping(event, depth)
        if event.anchor is not None:
            self.anchors[event.anchor] = value
        return value

    def sequence(self, event: Any, depth: int) -> PositionedValue:
        self.plain_tag(event, "seq")
        items: list[PositionedValue] = []
        while not self.loader.check_event(yaml.SequenceEndEvent):
            items.append(self.value(self.loader.get_event(), depth + 1))
        self.loader.get_event()
        return make_sequence(event.start_mark.index, items)

    def mapping(self, event: Any, depth: int) -> PositionedValue:
        self.plain_tag(event, "map")
        items: list[tuple[str, int, PositionedValue]] = []
        merged: list[tuple[str, int, PositionedValue]] = []
        while not self.loader.check_event(yaml.MappingEndEvent):
            key = self.loader.get_event()
            index = key.start_mark.index
            if not isinstance(key, yaml.ScalarEvent):
                raise ParseError(index, "a key must be plain text")
            child = self.value(self.loader.get_event(), depth + 1)
            if self.tag(key) == "merge":
                merged += _merge(child, index)
                self.merged += len(merged)
                if self.merged > MAX_MERGED_KEYS:
                    raise ParseError(index, f"'<<' adds more than {MAX_MERGED_KEYS} keys")
            else:
                items.append((check_text(key.value, index), index, child))
        self.loader.get_event()
        own = {key for key, _, _ in items}
        first = {key: (key, index, child) for key, index, child in reversed(merged)}
        inherited = [item for key, item in first.items() if key not in own]
        return make_mapping(event.start_mark.index, items + inherited, self.faults, self.lines)

    def scalar(self, event: Any) -> Any:
        index, value = event.start_mark.index, event.value
        node = yaml.ScalarNode("", value, event.start_mark, event.end_mark)
        try:
            match self.tag(event):
                case "null":
                    return None
                case "bool":
                    return self.loader.construct_yaml_bool(node)
                case "int":
                    return self.loader.construct_yaml_int(node)
                case "float":
                    number = self.loader.construct_yaml_float(node)
                    if not math.isfinite(number):
                        raise ParseError(
                            index, f"{value} is not a number here", "quote it if text"
                        )
                    return number
                case "str" | "timestamp" | "value" | "merge":
                    return check_text(value, index)
        except (ValueError, KeyError, IndexError):
            raise ParseError(index, f"{shown(value)} does not match its tag") from None
        raise ParseError(index, f"tag {shown(event.tag)} is not allowed")

    def tag(self, event: Any) -> str:
        tag: str = event.tag
        if tag is None or tag == "!":
            tag = self.loader.resolve(yaml.ScalarNode, event.value, event.implicit)
        return tag.removeprefix(_TAG)

    def plain_tag(self, event: Any, kind: str) -> None:
        if event.tag not in {None, "!", _TAG + kind}:
            raise ParseError(event.start_mark.index, f"tag {shown(event.tag)} is not allowed")


def _merge(value: PositionedValue, index: int) -> list[tuple[str, int, PositionedValue]]:
    """Return the items that `<<: value` adds; the first of two sources wins."""
    sources = value.children if isinstance(value.data, list) else [value]
    items: list[tuple[str, int, PositionedValue]] = []
    for source in sources:
        if not isinstance(source, PositionedValue) or not isinstance(source.data, dict):
            raise ParseError(index, "'<<' merges a mapping or a list of mappings")
        assert isinstance(source.children, dict)
        items += [(key, source.keys[key], child) for key, child in source.children.items()]
        if len(items) > MAX_MERGED_KEYS:
            break
    return items
