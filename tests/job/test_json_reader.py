"""JSON with positions."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lava_dispatcher_multinode.job.json_reader import read_json
from lava_dispatcher_multinode.job.tree import Lines, ParseError

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=20,
)  # fmt: skip


def load(text):
    """Read a text that has no lesser errors."""
    value, faults = read_json(text, Lines(text))
    assert not faults
    return value


@given(JSON, st.sampled_from([None, 1, "\t"]), st.booleans())
def test_reads_what_the_standard_library_reads(value, indent, ascii_only):
    """This package's structure and the standard library's strings make the same data."""
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    assert load(text).data == json.loads(text)


@given(st.text(alphabet='{}[]",:\\ \n01-.eEtrufalsn\tN', max_size=30))
def test_accepts_no_more_than_the_standard_library(text):
    """Any text gives the data of json.loads, or an error with an index within the text."""
    try:
        value = load(text)
    except ParseError as fault:
        index = fault.index
    else:
        index = 0
        assert value.data == json.loads(text)
    assert 0 <= index <= len(text)


@given(st.text(alphabet='{}[]",: ab01', max_size=30))
def test_refuses_no_more_than_the_standard_library(text):
    """All that json.loads accepts is accepted, except non-finite numbers and duplicate keys."""
    try:
        expected = json.loads(text)
    except ValueError:
        return
    assert read_json(text, Lines(text))[0].data == expected


def test_keys_and_values_have_their_places():
    """Positions are those of the first character."""
    text = '{\n\t"a": [10, {"b": "c"}]\n}'
    tree = load(text)
    assert text[tree.keys["a"] :].startswith('"a"')
    inner = tree.child("a").child(1)
    assert text[inner.index :].startswith('{"b"')
    assert text[inner.keys["b"] :].startswith('"b"')
    assert text[inner.child("b").index :].startswith('"c"')


@pytest.mark.parametrize(
    ("text", "index", "message", "hint"),
    [
        ('{"a": [1, 2}', 11, "expected ',' or ']', found '}'", "the '[' at line 1, column 7 is"),
        ('{"a": 1,}', 8, "expected a key, found '}'", "remove the comma"),
        ("[1,]", 3, "expected a value, found ']'", "remove the comma"),
        ("{'a': 1}", 1, "expected a key", "double quotes"),
        ('{"a" 1}', 5, "expected ':'", ""),
        ('{"a": True}', 6, "expected a value, found 'True'", "did you mean true?"),
        ('{"a": abc}', 6, "expected a value, found 'abc'", "double quotes"),
        ('{"a": NaN}', 6, "expected a value, found 'NaN'", ""),
        ('{"a": 1e999}', 6, "too large", ""),
        ('{"a": ' + "1" * 5000 + "}", 6, "too many digits", ""),
        ('{"a": 01}', 6, "expected a value", "leading zero"),
        ('{"a": 1,, "b": 2}', 8, "expected a key, found ','", "remove the comma"),
        ("[1,,2]", 3, "expected a value, found ','", "remove the comma"),
        ('{"a": 1 "b": 2}', 8, "expected ',' or '}', found '\"'", "a comma is missing before it"),
        ("[{} {}]", 4, "expected ',' or ']', found '{'", "a comma is missing before it"),
        ('{"a": \u201cb\u201d}', 6, "expected a value", "use plain quotes"),
        ("{} {}", 3, "unexpected '{' after the end", ""),
        ('{"a": "\n"}', 7, "control character", "write \\n for a line end"),
        ('{"a": "\\x"}', 7, "invalid \\escape", "write \\\\ for a backslash"),
        ('{"a": "', 6, "unterminated string", ""),
        ('{"a": "\\u0000"}', 6, "NUL", ""),
        ('{"a": "\\ud800"}', 6, "surrogate", ""),
        ('{"a": 1 // b\n}', 8, "expected ',' or '}', found '/'", "no comments"),
        ('{"a": 1, # b\n}', 9, "expected a key, found '#'", "no comments"),
        ("// b\n{}", 0, "expected a value, found '/'", "no comments"),
        ('{"a": 1, b: 2}', 9, "expected a key, found 'b'", "double quotes"),
        ("", 0, "expected a value, found end of the file", ""),
    ],
)
def test_faults_say_what_and_where(text, index, message, hint):
    """Common mistakes of people who write JSON by hand have a hint."""
    with pytest.raises(ParseError) as caught:
        load(text)
    assert caught.value.index == index
    assert message in caught.value.message.replace("\\\\", "\\")
    assert hint in caught.value.hint


def test_deep_nesting_is_refused_before_it_hurts():
    """A million brackets are an error, not a crash."""
    with pytest.raises(ParseError, match="64 levels"):
        load("[" * 1_000_000)
