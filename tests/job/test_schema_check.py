"""From schema errors to problems with positions."""

import json
from pathlib import Path

import pytest

from lava_dispatcher_multinode.job.schema_check import MAX_PROBLEMS, SchemaChecker, load_schema
from lava_dispatcher_multinode.job.source import from_bytes


def document(data):
    """Return `data` as a JSON document with one key per line."""
    return from_bytes(json.dumps(data, indent=1).encode(), "j", Path("/"))


def messages(schema, data, **options):
    """Return the problems as text, without the file name."""
    found = SchemaChecker(schema, **options).problems(document(data))
    return [str(problem).removeprefix("j:") for problem in found]


OBJECT = {"type": "object", "additionalProperties": False, "properties": {"role": {}, "count": {}}}


def test_unknown_keys_each_at_their_place_with_the_nearest_name():
    """Every wrong key is reported with its position, not only the first."""
    assert messages(OBJECT, {"rol": 1, "count": 2, "coun": 3}) == [
        "2:2: unknown key 'rol' in the file (did you mean 'role'?)",
        "4:2: unknown key 'coun' in the file (did you mean 'count'?)",
    ]


def test_keys_that_a_pattern_allows_are_known():
    """Only the wrong key is reported."""
    schema = {**OBJECT, "patternProperties": {"^x-": {}}}
    assert len(messages(schema, {"x-a": 1, "y": 2})) == 1


def test_an_explanation_goes_before_the_nearest_name():
    """The hint for a removed key says what replaces it."""
    (message,) = messages(OBJECT, {"rol": 1}, explain={"rol": "it was removed"})
    assert message.endswith("(it was removed)")


def test_every_missing_key_once():
    """Two missing keys are two problems, not four."""
    assert messages({"required": ["a", "b"]}, {}) == [
        "1:1: the file needs 'a'", "1:1: the file needs 'b'",
    ]  # fmt: skip


def test_a_misspelt_key_is_reported_once():
    """It is reported as unknown, with the nearest name, and not as missing."""
    one = {**OBJECT, "required": ["role", "count"]}
    assert messages(one, {"rol": 1, "count": 2}) == [
        "2:2: unknown key 'rol' in the file (did you mean 'role'?)"
    ]
    either = {**OBJECT, "anyOf": [{"required": ["role"]}, {"required": ["count"]}]}
    assert len(messages(either, {"rol": 1})) == 1
    ignored = {**one, "additionalProperties": True}
    assert messages(ignored, {"rol": 1, "count": 2}) == ["1:1: the file needs 'role'"]


def test_what_is_missing_is_explained():
    """The schema describes the purpose of the key."""
    schema = {"required": ["a"], "properties": {"a": {"description": "How many."}}}
    assert messages(schema, {}) == ["1:1: the file needs 'a' (How many)"]


NAMES = {"names": {"role": ["client", "server"]}}


def test_a_format_is_a_set_of_names():
    """A role in any action's parameters is checked against the job's roles."""
    schema = {"properties": {"r": {"type": "string", "format": "role"}}}
    assert messages(schema, {"r": "client"}, **NAMES) == []
    assert messages(schema, {"r": "clint"}, **NAMES) == [
        "2:7: unknown role 'clint' (did you mean 'client'?)"
    ]


def test_an_unknown_format_means_nothing():
    """Schemas of other packages may use `format: uri`."""
    assert messages({"format": "uri"}, "no uri", **NAMES) == []


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("clint", "2:7: unknown role 'clint' (did you mean 'client'?)"),
        (["client", "x"], "4:3: unknown role 'x' (known: client, server)"),
        (7, "2:7: 'r' must be text or a list, not 7"),
        ({}, "2:7: 'r' must be text or a list, not an object"),
        (None, "2:7: 'r' must be text or a list, but is empty"),
    ],
)
def test_alternatives_are_judged_by_the_one_that_was_meant(value, message):
    """For a name or a list of names, the message is about the user's kind of value."""
    role = {"type": "string", "format": "role"}
    schema = {"properties": {"r": {"anyOf": [role, {"type": "array", "items": role}]}}}
    assert messages(schema, {"r": value}, **NAMES) == [message]


def test_alternatives_by_key():
    """One of several keys is needed; two are too many."""
    schema = {"oneOf": [{"required": ["git-repo"]}, {"required": ["tar-repo"]}]}
    assert messages(schema, {}) == ["1:1: the file needs 'git-repo' or 'tar-repo'"]
    assert messages(schema, {"git-repo": 1, "tar-repo": 1}) == [
        "1:1: the file has 'git-repo' and 'tar-repo'; only one of them is allowed"
    ]


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"oneOf": [{"minimum": 1}, {"minimum": 2}]}, 3),
        ({"oneOf": [{"required": ["a"]}, {"minProperties": 1}]}, {"a": 1}),
        ({"oneOf": [{"required": ["a"]}, True]}, {"a": 1}),
    ],
)
def test_alternatives_that_are_not_keys(schema, value):
    """If no key distinguishes the forms, the message lists what is known."""
    assert messages(schema, value) == ["1:1: the file matches more than one of its allowed forms"]


def test_the_only_alternative_of_the_type_is_explained():
    """The user meant that form: the message is the same as without the others."""
    entry = {
        "type": "object", "required": ["a"], "properties": {"a": {"description": "How many."}}
    }  # fmt: skip
    assert messages({"anyOf": [{"type": "string"}, entry]}, {}) == [
        "1:1: the file needs 'a' (How many)"
    ]


def test_the_alternative_with_the_fewest_mistakes_was_meant():
    """A missing key of one form is not the only possible error of another."""
    many = {"required": ["a", "b"]}
    schema = {"anyOf": [many, {"properties": {"c": {"minimum": 1}}}]}
    assert messages(schema, {"c": 0}) == ["2:7: 'c' must be at least 1, not 0"]


def test_a_message_of_the_schema_wins():
    """The schema's own message replaces the default, and appears once."""
    schema = {
        "properties": {"n": {"type": "integer", "minimum": 1, "errorMessage": "say how many"}}
    }
    assert messages(schema, {"n": 0.5}) == ["2:7: say how many"]


def test_keys_of_a_map_are_checked_at_the_key():
    """An invalid key of message data is reported at its position."""
    schema = {"properties": {"m": {"propertyNames": {"pattern": "^[a-z]+$"}}}}
    assert messages(schema, {"m": {"a b": 1}}) == [
        "3:3: key 'a b' is not allowed in 'm' (pattern ^[a-z]+$)"
    ]


def test_part_of_a_document_with_keys_taken_out():
    """The parameters of an action are checked without role and timeout, at their own positions."""
    whole = document({"x": [{"rol": 1, "timeout": 2}]})
    (problem,) = SchemaChecker(OBJECT).problems(whole, ("x", 0), {"rol": 1})
    assert (problem.line, problem.column) == (4, 4)
    assert problem.message == "unknown key 'rol' in entry 1 of 'x'"


def test_the_number_of_problems_is_bounded():
    """A hundred thousand wrong keys do not flood the terminal."""
    assert len(messages(OBJECT, {f"k{n}": 1 for n in range(1000)})) == MAX_PROBLEMS


def test_unique_items_in_linear_time():
    """Forty thousand entries of two types take no minutes, and equal objects are found."""
    schema = {"uniqueItems": True}
    mixed = [entry for number in range(20_000) for entry in (number, str(number))]
    assert messages(schema, mixed) == []
    assert messages(schema, [{"a": 1, "b": 2}, {"b": 2, "a": 1}]) == [
        "1:1: the file has a duplicate entry"
    ]
    assert messages(schema, {"a": [1, 1]}) == []
    assert messages({"uniqueItems": False}, [1, 1]) == []


def test_shipped_schemas_are_found_in_the_package():
    """They are package data, not files next to the sources."""
    assert load_schema("job", "job.schema.json")["type"] == "object"
