"""One message for each keyword."""

import pytest
from jsonschema import Draft202012Validator

from lava_dispatcher_multinode.job.schema_messages import describe_error, describe_path, hint_for


@pytest.mark.parametrize(
    ("schema", "value", "expected", "advice"),
    [
        ({"type": "string"}, 5, "'k' must be text, not 5", "put it in double quotes"),
        ({"type": "string"}, True, "'k' must be text, not true", "put it in double quotes"),
        ({"type": "string"}, [], "'k' must be text, not a list", ""),
        ({"type": ["integer", "null"]}, "x", "'k' must be a whole number or empty, not 'x'", ""),
        ({"type": "integer"}, "2", "'k' must be a whole number, not '2'",
         "remove the quotes around the number"),
        ({"type": "number"}, None, "'k' must be a number, but is empty", ""),
        ({"enum": ["INFO", 5]}, "info", "'k' must be 'INFO' or 5, not 'info'",
         "did you mean 'INFO'?"),
        ({"enum": ["INFO"]}, "zzz", "'k' must be 'INFO', not 'zzz'", ""),
        ({"const": 1}, 2, "'k' must be 1, not 2", ""),
        ({"minimum": 1}, 0, "'k' must be at least 1, not 0", ""),
        ({"maximum": 1}, 2, "'k' must be at most 1, not 2", ""),
        ({"exclusiveMinimum": 0}, 0, "'k' must be more than 0, not 0", ""),
        ({"exclusiveMaximum": 0}, 0, "'k' must be less than 0, not 0", ""),
        ({"minLength": 1}, "", "'k' must not be empty", ""),
        ({"minItems": 1}, [], "'k' must not be empty", ""),
        ({"minItems": 2}, [1], "'k' must have at least 2 entries, not 1", ""),
        ({"maxProperties": 0}, {"a": 1}, "'k' must have at most 0 entries, not 1", ""),
        ({"maxLength": 2}, "abc", "'k' must have at most 2 characters, not 3", ""),
        ({"uniqueItems": True}, [1, 1], "'k' has a duplicate entry", ""),
        ({"pattern": "^a$", "description": "An a."}, "b",
         "'k' has the wrong format: 'b'", "An a"),
        ({"dependentRequired": {"a": ["b"]}}, {"a": 1}, "in 'k', 'a' needs 'b' beside it", ""),
        ({"multipleOf": 2}, 3, "'k': 3 is not a multiple of 2", ""),
    ],
)  # fmt: skip
def test_messages_use_the_words_of_the_author(schema, value, expected, advice):
    """In the words of the job's author, not of JSON Schema."""
    (error,) = Draft202012Validator(schema).iter_errors(value)
    assert (describe_error(error, ("k",)), hint_for(error)) == (expected, advice)


@pytest.mark.parametrize(
    ("path", "expected"),
    [((), "the file"), (("a",), "'a'"), (("a", 0), "entry 1 of 'a'"), ((2,), "entry 3"),
     (("a", 1, "b"), "'b'"), (("a", 0, 1), "entry 2 of entry 1 of 'a'")],
)  # fmt: skip
def test_values_are_called_by_the_nearest_key(path, expected):
    """Lists count from one, as people do."""
    assert describe_path(path) == expected
