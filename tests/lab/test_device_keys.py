"""Keys from dataclasses: schema, reader, and merge of layers."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from hypothesis import given
from hypothesis import strategies as st

from lava_dispatcher_multinode.lab.device_keys import (
    key,
    keys_of,
    merge_layer,
    merge_layers,
    read_section,
    schema_of,
    with_hostname,
)

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3) | st.lists(st.integers()),
    lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)
MAPPINGS = st.dictionaries(st.sampled_from("abc"), VALUES, max_size=3)


def without_nulls(value):
    """Return a layer without its null keys."""
    if not isinstance(value, dict):
        return value
    return {key: without_nulls(item) for key, item in value.items() if item is not None}


@given(MAPPINGS, MAPPINGS)
def test_merge_laws(below, above):
    """Merging over nothing or over itself is neutral; upper values win."""
    assert merge_layer({}, above) == without_nulls(above)
    assert merge_layer(merge_layer({}, above), above) == without_nulls(above)
    merged = merge_layer(below, above)
    for name, value in above.items():
        if value is None:
            assert name not in merged
        elif not isinstance(value, dict):
            assert merged[name] == value


@given(MAPPINGS, MAPPINGS)
def test_merge_leaves_its_arguments_alone(below, above):
    """Devices share layers, so a merge does not change them."""
    before = json.dumps([below, above])
    merge_layer(below, above)
    assert json.dumps([below, above]) == before


def test_an_alternative_removes_the_others():
    """A serial line replaces a type's command; a switch replaces one of another kind."""
    below = {"connection": {"command": "a", "baud": 1}, "power": {"on": "x", "off": "y"}}
    above = {"connection": {"serial": "s"}, "power": {"off": "z"}}
    assert merge_layers([below, above]) == {
        "connection": {"serial": "s", "baud": 1},
        "power": {"on": "x", "off": "z"},
    }
    assert merge_layers([below, {"power": {"manual": True}}])["power"] == {"manual": True}
    assert merge_layers([below, {"power": {"manual": False}}])["power"]["on"] == "x"


def test_hostname_is_filled_in_at_any_depth():
    """Only texts change, and only values."""
    data = {"a": ["x %(hostname)s", 7], "b": {"%(hostname)s": "%(hostname)s%%(hostname)s"}}
    assert with_hostname(data, "p1") == {"a": ["x p1", 7], "b": {"%(hostname)s": "p1%p1"}}


@dataclass(frozen=True)
class Inner:
    """A section."""

    words: tuple[str, ...] = key((), "words")
    file: Path | None = key(None, "a file")


@dataclass(frozen=True)
class Outer:
    """A section with every kind of key."""

    name: str  # no key
    kind: Literal["a", "b"] | None = key(None, "a kind")
    seconds: float = key(1.5, "seconds", "1.5", exclusiveMinimum=0)
    number: str | None = key(None, "a number or text", type=["string", "integer", "null"])
    flag: bool = key(False, "a flag")
    marks: frozenset[str] = key(frozenset(), "marks")
    inner: Inner = key(Inner(), "a section")
    more: dict[str, Any] = key({}, "anything")


def test_the_schema_follows_from_types_and_limits():
    """A field is a key with the type of the field; fields without a description are no keys."""
    schema = schema_of(Outer)
    assert [field.name for field, _ in keys_of(Outer)] == list(schema["properties"])
    assert not schema["additionalProperties"]
    assert schema["properties"] == {
        "kind": {"description": "a kind", "enum": ["a", "b", None]},
        "seconds": {"description": "seconds", "type": "number", "exclusiveMinimum": 0},
        "number": {
            "description": "a number or text",
            "type": ["string", "integer", "null"],
            "minLength": 1,
        },
        "flag": {"description": "a flag", "type": "boolean"},
        "marks": {"description": "marks", "type": "array", "items": {"type": "string"}},
        "inner": {
            "description": "a section",
            "type": ["object", "null"],
            "additionalProperties": False,
            "properties": {
                "words": {"description": "words", "type": "array", "items": {"type": "string"}},
                "file": {"description": "a file", "type": ["string", "null"], "minLength": 1},
            },
        },
        "more": {"description": "anything", "type": ["object", "null"]},
    }


def test_data_becomes_what_the_types_say():
    """Lists become tuples or sets, a number becomes text, a path starts at the base."""
    data = {"number": 7, "marks": ["x"], "inner": {"words": ["a"], "file": "f"}, "more": {"k": 1}}
    made = read_section(Outer, data, Path("/base"), name="n")
    inner = Inner(("a",), Path("/base/f"))
    assert made == Outer("n", number="7", marks=frozenset("x"), inner=inner, more={"k": 1})
    assert read_section(Outer, {}, Path("/base"), name="n") == Outer("n")
