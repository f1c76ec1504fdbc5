"""One message for each way in which a value can violate its JSON Schema."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, TypeAlias

from .hints import did_you_mean, join_words
from .tree import shown

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .tree import Path

#: A `jsonschema.ValidationError`; its type hints mark every attribute as possibly unset.
Error: TypeAlias = Any

_NUMBER = re.compile(r"-?\d+(\.\d+)?")
_TYPES = {
    "object": "an object ({...})",
    "array": "a list",
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "null": "empty",
}


def describe_path(path: Path) -> str:
    """Return the name of the value at `path` in messages: its nearest key."""
    if not path:
        return "the file"
    last = path[-1]
    if isinstance(last, str):
        return shown(last)
    return (
        f"entry {last + 1} of {describe_path(path[:-1])}" if len(path) > 1 else f"entry {last + 1}"
    )


def describe_error(error: Error, path: Path) -> str:
    """Return the message for an error; jsonschema's own for a keyword not handled here."""
    name, limit, value = describe_path(path), error.validator_value, error.instance
    match error.validator:
        case "type":
            return describe_type_error(expected_types(error), value, path)
        case "enum":
            return f"{name} must be {join_words(map(_quoted, limit))}, not {_quoted(value)}"
        case "const":
            return f"{name} must be {_quoted(limit)}, not {_quoted(value)}"
        case "minimum":
            return f"{name} must be at least {limit}, not {_quoted(value)}"
        case "maximum":
            return f"{name} must be at most {limit}, not {_quoted(value)}"
        case "exclusiveMinimum":
            return f"{name} must be more than {limit}, not {_quoted(value)}"
        case "exclusiveMaximum":
            return f"{name} must be less than {limit}, not {_quoted(value)}"
        case "minLength" | "minItems" | "minProperties" if limit == 1:
            return f"{name} must not be empty"
        case "minLength" | "maxLength":
            least = "least" if error.validator == "minLength" else "most"
            return f"{name} must have at {least} {limit} characters, not {len(value)}"
        case "minItems" | "minProperties" | "maxItems" | "maxProperties":
            least = "least" if str(error.validator).startswith("min") else "most"
            return f"{name} must have at {least} {limit} entries, not {len(value)}"
        case "uniqueItems":
            return f"{name} has a duplicate entry"
        case "pattern":
            return f"{name} has the wrong format: {_quoted(value)}"
        case "dependentRequired":
            wants = [f"'{a}' needs '{b}'" for a, bs in limit.items() if a in value for b in bs]
            return f"in {name}, {join_words(wants, 'and')} beside it"
        case _:
            return f"{name}: {error.message[:200]}"


def hint_for(error: Error) -> str:
    """Return a hint for an error; "" if there is none."""
    text = isinstance(error.instance, str)
    if error.validator == "enum" and text:
        return did_you_mean(
            error.instance, [value for value in error.validator_value if isinstance(value, str)]
        )
    if error.validator == "pattern":
        return str(error.schema.get("description", f"pattern {error.validator_value}")).rstrip(".")
    types = expected_types(error)
    if text and {"integer", "number"} & set(types) and _NUMBER.fullmatch(error.instance):
        return "remove the quotes around the number"
    scalar = isinstance(error.instance, bool | int | float)
    return "put it in double quotes" if scalar and "string" in types else ""


def _quoted(value: object) -> str:
    return "an object" if isinstance(value, dict) else "a list" if isinstance(value, list) else (
        shown(value) if isinstance(value, str) else json.dumps(value)[:60]
    )  # fmt: skip


def expected_types(error: Error) -> list[str]:
    """Return the types that a `type` error expects; none for other errors."""
    if error.validator != "type":
        return []
    value = error.validator_value
    return [value] if isinstance(value, str) else list(value)


def describe_type_error(types: Iterable[str], value: object, path: Path) -> str:
    """Return the message that `value` has none of `types`."""
    wanted = join_words(dict.fromkeys(_TYPES.get(name, name) for name in types))
    if value is None:
        return f"{describe_path(path)} must be {wanted}, but is empty"
    return f"{describe_path(path)} must be {wanted}, not {_quoted(value)}"
