"""Checks documents against JSON Schemas; reports each problem with its position in the file.

Three additions to draft 2020-12, which other tools ignore:

* `format` may be a key of `names` (such as "role"): the text must be one of those names.
* `errorMessage` beside a keyword replaces the default message.
* Numbers are finite, as in JSON; the readers refuse others.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from .hints import join_words, nearest, suggest
from .schema_messages import (
    describe_error,
    describe_path,
    describe_type_error,
    expected_types,
    hint_for,
)
from .tree import shown

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from ..errors import Problem
    from .schema_messages import Error
    from .source import Document
    from .tree import Path

MAX_PROBLEMS = 100  # per check; more usually have one cause

_MISSING = object()


class SchemaViolation(NamedTuple):
    """A message about the value at `path`, or with `key` about the key."""

    path: Path
    message: str
    hint: str = ""
    key: bool = False


@dataclass(frozen=True)
class SchemaChecker:
    """Checks parts of documents against one schema.

    `names` maps a format to the names that a text of that format may have. `explain` maps an
    unknown key or name to a hint that is better than the nearest known name.
    """

    schema: Mapping[str, Any]
    names: Mapping[str, Collection[str]] = field(default_factory=dict)
    explain: Mapping[str, str] = field(default_factory=dict)

    def problems(self, document: Document, path: Path = (), data: Any = _MISSING) -> list[Problem]:
        """Return the problems of the value at `path`, in the order of the file.

        `data` replaces that value if the caller has removed keys from it.
        """
        found = self.findings(_value(document.data, path) if data is _MISSING else data, path)
        problems = {
            document.problem(item.message, item.path, key=item.key, hint=item.hint)
            for item in islice(found, MAX_PROBLEMS)
        }
        return sorted(problems)

    def findings(self, data: Any, path: Path = ()) -> Iterator[SchemaViolation]:
        """Yield the violations of `data`, whose position in the document is `path`."""
        from jsonschema import FormatChecker
        from jsonschema.exceptions import FormatError

        names = self.names

        class Names(FormatChecker):
            def check(self, instance: object, format: str) -> None:  # noqa: A002
                if isinstance(instance, str) and instance not in names.get(format, (instance,)):
                    raise FormatError(f"unknown {format}")

        validator = _validator()(self.schema, format_checker=Names(formats=()))
        for error in validator.iter_errors(data):
            yield from self._explain(error, path)

    def _explain(self, error: Error, base: Path) -> Iterable[SchemaViolation]:
        path = (*base, *error.path)
        schema = error.schema if isinstance(error.schema, dict) else {}
        if "errorMessage" in schema:
            return [SchemaViolation(path, str(schema["errorMessage"]))]
        match error.validator:
            case "additionalProperties" if isinstance(error.validator_value, bool):
                return self._unknown_keys(error, schema, path)
            case "required":
                return [
                    SchemaViolation(
                        path, f"{describe_path(path)} needs '{key}'", _about(schema, key)
                    )
                    for key in _missing(error, schema)
                ]
            case "format":
                return [self._unknown_name(error, path)]
            case "anyOf" | "oneOf":
                return self._alternatives(error, path)
            case _ if "propertyNames" in error.relative_schema_path:
                message = f"key {shown(error.instance)} is not allowed in {describe_path(path)}"
                return [
                    SchemaViolation((*path, error.instance), message, hint_for(error), key=True)
                ]
            case _:
                return [SchemaViolation(path, describe_error(error, path), hint_for(error))]

    def _unknown_keys(
        self, error: Error, schema: Mapping[str, Any], path: Path
    ) -> Iterator[SchemaViolation]:
        known = schema.get("properties", {})
        patterns = schema.get("patternProperties", {})
        for key in error.instance:
            if key not in known and not any(re.search(pattern, key) for pattern in patterns):
                message = f"unknown key {shown(key)} in {describe_path(path)}"
                near = self.explain.get(key) or suggest(key, known)
                yield SchemaViolation((*path, key), message, near, key=True)

    def _unknown_name(self, error: Error, path: Path) -> SchemaViolation:
        kind: str = error.validator_value
        near = self.explain.get(error.instance) or suggest(error.instance, self.names[kind])
        return SchemaViolation(
            path, f"unknown {kind.replace('-', ' ')} {shown(error.instance)}", near
        )

    def _alternatives(self, error: Error, path: Path) -> Iterable[SchemaViolation]:
        if not error.context:
            return [SchemaViolation(path, _too_many(error, path))]
        branches: dict[int, list[Error]] = {}
        for part in error.context:
            branches.setdefault(int(part.relative_schema_path[0]), []).append(part)
        fitting = [parts for parts in branches.values() if not _wrong_type(parts)]
        if not fitting:
            types = [
                name for parts in branches.values() for p in parts for name in expected_types(p)
            ]
            return [SchemaViolation(path, describe_type_error(types, error.instance, path))]
        if len(fitting) > 1 and all(parts[0].validator == "required" for parts in fitting):
            keys = [list(_missing(parts[0], error.schema)) for parts in fitting]
            if not all(keys):
                return []
            missing = dict.fromkeys(f"'{key}'" for some in keys for key in some)
            return [SchemaViolation(path, f"{describe_path(path)} needs {join_words(missing)}")]
        best = min(fitting, key=len)
        return [found for part in best for found in self._explain(part, path)]


@cache
def _validator() -> Any:
    """Return draft 2020-12 with a `uniqueItems` that is not quadratic in the number of items."""
    from jsonschema import Draft202012Validator, ValidationError
    from jsonschema.validators import extend

    def unique_items(_: Any, wanted: bool, items: Any, __: Any) -> Iterator[ValidationError]:
        if wanted and isinstance(items, list):
            different = {json.dumps(item, sort_keys=True) for item in items}
            if len(different) < len(items):
                yield ValidationError("has non-unique elements")

    return extend(Draft202012Validator, {"uniqueItems": unique_items})  # type: ignore[no-untyped-call]


def load_schema(package: str, name: str) -> dict[str, Any]:
    """Return the schema in file `name` of the package `package`."""
    text = files(f"lava_dispatcher_multinode.{package}").joinpath(name).read_text("utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema


def _missing(error: Error, schema: Mapping[str, Any]) -> Iterator[str]:
    """Yield the missing keys, except those that are present but misspelt.

    Misspelt keys are reported as unknown keys, if the schema forbids these.
    """
    known = schema.get("properties", {})
    misspelt = {
        nearest(key, known)
        for key in error.instance
        if schema.get("additionalProperties") is False and key not in known
    }
    for key in error.validator_value:
        if key not in error.instance and key not in misspelt:
            yield key


def _about(schema: Mapping[str, Any], key: str) -> str:
    """Return the schema's description of a key."""
    part = schema.get("properties", {}).get(key, {})
    return str(part.get("description", "")).rstrip(".") if isinstance(part, dict) else ""


def _too_many(error: Error, path: Path) -> str:
    """Return the message for a value that matches several schemas, of which it may match one."""
    forms = [form for form in error.validator_value if isinstance(form, dict)]
    required = dict.fromkeys(key for form in forms for key in form.get("required", ()))
    has = error.instance if isinstance(error.instance, dict) else {}
    keys = [f"'{key}'" for key in required if key in has]
    if len(keys) > 1:
        return f"{describe_path(path)} has {join_words(keys, 'and')}; only one of them is allowed"
    return f"{describe_path(path)} matches more than one of its allowed forms"


def _value(data: Any, path: Path) -> Any:
    for step in path:
        data = data[step]
    return data


def _wrong_type(parts: list[Error]) -> bool:
    return any(part.validator == "type" and not part.path for part in parts)
