"""YAML with positions."""

import json

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from lava_dispatcher_multinode.job.tree import Lines, ParseError
from lava_dispatcher_multinode.job.yaml_reader import read_yaml

PRINTABLE = st.text(st.characters(exclude_categories=["Cs", "Cc", "Cn", "Co"]), max_size=8)
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | PRINTABLE,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(PRINTABLE, inner, max_size=4),
    max_leaves=15,
)


def load(text):
    """Read a text that has no lesser errors."""
    value, faults = read_yaml(text, Lines(text))
    assert not faults
    return value


@given(PLAIN, st.booleans())
def test_reads_what_safe_load_reads(value, flow):
    """Existing LAVA jobs keep their meaning."""
    text = yaml.safe_dump(value, allow_unicode=True, default_flow_style=flow)
    assert load(text).data == value


@given(st.text(alphabet="ab:-[]{},&*!<|>'\"# \n\t%@0", max_size=40))
def test_any_text_is_data_or_a_fault_inside_it(text):
    """No text causes a traceback, and JSON can express every result."""
    try:
        value, _ = read_yaml(text, Lines(text))
    except ParseError as fault:
        index = fault.index
    else:
        index = 0
        json.dumps(value.data if value else None, allow_nan=False)
    assert 0 <= index <= len(text)


def test_places_of_block_and_flow():
    """Keys, list entries and texts have the position of their start."""
    text = "a:\n  - é: x\n    k: {p: q}\n  - |\n    text\n"
    tree = load(text)
    first = tree.child("a").child(0)
    assert text[first.keys["k"] :].startswith("k: {p")
    assert text[first.child("k").child("p").index :].startswith("q}")
    assert text[tree.child("a").child(1).index] == "|"


def test_keys_are_the_text_as_written():
    """`on:` and `1:` are keys as in JSON, and dates stay text."""
    assert load("on: a\n1: b\nd: 2013-05-29\n").data == {"on": "a", "1": "b", "d": "2013-05-29"}


def test_aliases_and_merges():
    """Anchors work; `<<` adds the missing keys; the first source wins."""
    text = "a: &a {x: 1, y: 2}\nb: &b {y: 3, z: 4}\nc: {<<: [*a, *b], x: 9}\nd: *a\n"
    data = load(text).data
    assert data["c"] == {"x": 9, "y": 2, "z": 4}
    assert data["d"] == {"x": 1, "y": 2}


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("a:\n\t- b", 2, "cannot start any token"),
        ("a: [1\nb: 2", 2, "flow sequence"),
        ("a: !!python/object:os.system x", 1, "is not allowed"),
        ("a: !mine [x]", 1, "tag '!mine' is not allowed"),
        ("a: !!int x", 1, "not match its tag"),
        ("a: .nan", 1, "not a number here"),
        ("a: -.inf", 1, "not a number here"),
        ("a: " + "1" * 5000, 1, "not match its tag"),
        ("--- a\n--- b", 2, "second document"),
        ("a: *missing", 1, "alias *missing"),
        ("a: &a [*a]", 1, "alias *a"),
        ("[a]: b", 1, "key must be plain text"),
        ("a: {<<: 1}", 1, "merges a mapping"),
        ("a: \x07", 1, "not allowed in YAML"),
        ('a: "\\0"', 1, "NUL"),
        ("[" * 100, 1, "64 levels"),
        ("[" * 100_000, 1, "64 levels"),  # libyaml from 0.2.6 on finds it first
    ],
)
def test_faults_say_what_and_where(text, line, message):
    """Errors are reported at their line, for hostile input, too."""
    lines = Lines(text)
    with pytest.raises(ParseError) as caught:
        read_yaml(text, lines)
    assert message in caught.value.message
    assert lines.place(caught.value.index)[0] == line


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("a:\n  b: 1\n c: 2", "expected key while parsing a block mapping that", "indentation"),
        ("a: 'it's'", "did not find expected key while parsing a block mapping", "closing quotes"),
        ("- a\n- b\nc: d", "that begins on line 1", "with the '-' above"),
        ("a: b: c", "mapping values are not allowed in this context", "quote text"),
        ("a:\n - {b: c\n - d", "a flow mapping that begins on line 2", ""),
    ],
)
def test_a_wrong_indentation_is_explained(text, message, hint):
    """The parser's message alone is not enough, and its position is behind the mistake."""
    with pytest.raises(ParseError) as caught:
        load(text)
    assert message in caught.value.message
    assert hint in caught.value.hint


def test_tabs_are_explained():
    """The most common mistake has a hint."""
    with pytest.raises(ParseError) as caught:
        load("a:\n\t- b")
    assert caught.value.hint == "indent with spaces, not tabs"


def test_an_alias_bomb_is_refused():
    """Nine levels of nine aliases would be 400 million values."""
    text = "a0: &a0 [x]\n" + "".join(
        f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 10)
    )
    with pytest.raises(ParseError, match="more than 100000 values"):
        load(text)


def test_a_merge_bomb_is_refused():
    """Many merges of a large mapping are limited in time, too."""
    big = "a: &a {" + ", ".join(f"k{n}: 1" for n in range(2000)) + "}\n"
    with pytest.raises(ParseError, match="adds more than"):
        load(big + "b:\n" + "- {<<: *a}\n" * 1000)


def test_a_merge_of_many_mappings_is_cut_short():
    """One merge of many aliases stops at the limit as well."""
    big = "a: &a {" + ", ".join(f"k{n}: 1" for n in range(2000)) + "}\n"
    with pytest.raises(ParseError, match="adds more than"):
        load(big + "b: {<<: [" + ", ".join(["*a"] * 40) + "]}\n")


def test_nothing_is_none():
    """A file of comments has no document."""
    assert read_yaml("# only this\n", Lines("# only this\n")) == (None, [])
