"""The keys of device files, made from dataclasses: schema, reader and merge of layers.

A key is a field that is made by `key`, so the dataclasses are the only place that lists the keys
with types, limits and defaults. `device_page` makes the tables of the reference.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from copy import copy
from dataclasses import Field, field, fields, is_dataclass
from functools import reduce
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

Section = TypeVar("Section")
Default = TypeVar("Default")

#: Groups of keys that exclude each other: a layer with one removes the others below it.
ALTERNATIVES: Mapping[tuple[str, ...], tuple[tuple[str, ...], ...]] = {
    ("connection",): (("command",), ("serial",), ("ssh",), ("simulated",), ("qemu",)),
    ("power",): (("on", "off", "cycle"), ("pdudaemon",), ("manual",), ("simulated",)),
}


class Key:
    """The description of a key of device files, in the metadata of a dataclass field.

    `description` is Markdown. `shown` is what the reference shows in place of the field's
    default. `schema` are JSON Schema keywords beside those that follow from the type.
    """

    def __init__(self, description: str, shown: str = "", /, **schema: Any) -> None:
        self.description = description
        self.shown = shown
        self.schema = schema


def key(default: Default, description: str, shown: str = "", /, **schema: Any) -> Default:
    """Return a dataclass field that is an optional key; see `Key`."""
    metadata = {"key": Key(description, shown, **schema)}
    if isinstance(default, dict):
        return field(default_factory=lambda: copy(default), metadata=metadata)
    return field(default=default, metadata=metadata)


def keys_of(section: type) -> Iterator[tuple[Field[Any], Key]]:
    """Yield each key of a dataclass: its field, and what its metadata say."""
    for each in fields(section):
        if each.metadata:
            yield each, each.metadata["key"]


def section_of(kind: Any) -> type | None:
    """Return the dataclass that a field's type contains, if any."""
    for one in _members(kind):
        if isinstance(one, type) and is_dataclass(one):
            return one
    return None


def schema_of(section: type) -> dict[str, Any]:
    """Return the JSON Schema of a dataclass's keys."""
    properties = {
        each.name: {"description": it.description, **_schema(each.type), **it.schema}
        for each, it in keys_of(section)
    }
    return {"type": "object", "additionalProperties": False, "properties": properties}


def read_section(
    section: type[Section], data: Mapping[str, Any], base: Path, **more: Any
) -> Section:
    """Return an instance with the checked keys of `data`; `more` are fields that are no keys.

    Paths start at the directory `base`.
    """
    given = {
        each.name: _read(each.type, data[each.name], base)
        for each, _ in keys_of(section)
        if each.name in data
    }
    return section(**given, **more)


def merge_layers(layers: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the layers, lowest first, merged: mappings key by key, null removes a key."""
    return reduce(merge_layer, layers, {})


def merge_layer(
    below: Mapping[str, Any], above: Mapping[str, Any], path: tuple[str, ...] = ()
) -> dict[str, Any]:
    """Return `above` merged over `below`; neither changes."""
    result = dict(below)
    for group in ALTERNATIVES.get(path, ()):
        if any(above.get(name) not in (None, False) for name in group):
            others = [name for other in ALTERNATIVES[path] if other != group for name in other]
            for name in others:
                result.pop(name, None)
    for name, value in above.items():
        if value is None:
            result.pop(name, None)
        elif isinstance(value, Mapping):
            under = result.get(name)
            nested = under if isinstance(under, Mapping) else {}
            result[name] = merge_layer(nested, value, (*path, name))
        else:
            result[name] = value
    return result


def with_hostname(data: Any, name: str) -> Any:
    """Return `data` with the device's name for each `%(hostname)s`, as in 2013."""
    if isinstance(data, str):
        return data.replace("%(hostname)s", name)
    if isinstance(data, Mapping):
        return {each: with_hostname(value, name) for each, value in data.items()}
    if isinstance(data, list | tuple):
        return [with_hostname(value, name) for value in data]
    return data


def _members(kind: Any) -> tuple[Any, ...]:
    """Return the members of a union, or the type itself."""
    return get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,)


_JSON_TYPES = {str: "string", Path: "string", bool: "boolean", int: "integer", float: "number"}


def _schema(kind: Any) -> dict[str, Any]:
    """Return the JSON Schema of a field's type."""
    optional = NoneType in _members(kind)
    (one,) = (each for each in _members(kind) if each is not NoneType)
    if get_origin(one) is Literal:
        return {"enum": [*get_args(one), *([None] if optional else [])]}
    if get_origin(one) in (tuple, frozenset):
        return {"type": "array", "items": {"type": "string"}}
    if (section := section_of(one)) is not None:
        return {**schema_of(section), "type": ["object", "null"]}
    if get_origin(one) is dict:
        return {"type": ["object", "null"]}
    name = _JSON_TYPES[one]
    if not optional:
        return {"type": name}
    limits = {"minLength": 1} if name == "string" else {}
    return {"type": [name, "null"], **limits}


def _read(kind: Any, value: Any, base: Path) -> Any:
    if isinstance(value, Mapping) and (section := section_of(kind)) is not None:
        return read_section(section, value, base)
    if get_origin(kind) in (tuple, frozenset):
        return get_origin(kind)(value)
    if Path in _members(kind):
        return base / value
    if str in _members(kind) and isinstance(value, int):
        return str(value)
    return value
