"""The `actions` of a job: checked against the schema of each command, and made specs."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from .. import plugins
from ..errors import InvalidJob, Problem
from .model import ActionSpec
from .removed_keys import HINTS
from .schema_check import SchemaChecker

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from .source import Document

#: Parameters that every action accepts; removed before the action gets its own.
COMMON = ("role", "timeout")

JOB_DEFAULT = -1  # the timeout that means "the job's"


def check_parameters(
    document: Document, names: Mapping[str, Collection[str]]
) -> Iterator[Problem]:
    """Yield the problems of the parameters of each action whose command is known."""
    for index, entry, parameters in _known(document):
        with _checker(entry["command"], names) as checker:
            path = ("actions", index, "parameters")
            yield from checker.problems(document, path, own_parameters(parameters))


def make_specs(document: Document) -> tuple[ActionSpec, ...]:
    """Return the actions of a valid document."""
    return tuple(
        _spec(document, index, entry) for index, entry in enumerate(document.data["actions"])
    )


def make_valid_specs(document: Document) -> tuple[ActionSpec, ...]:
    """Return the valid parts of the actions of an invalid document.

    All roles run them, so that further problems can be found. An invalid entry of a list, such as
    a repository, is left out alone; an action is left out if the rest of it is invalid.
    """
    found = []
    for index, entry, parameters in _known(document):
        spec = _spec(document, index, {**entry, "parameters": own_parameters(parameters)})
        with _checker(spec.command, {}) as checker:
            wrong = {finding.path[:2] for finding in checker.findings(spec.parameters)}
            spec = _without(spec, wrong) if wrong else spec
            if not wrong or not any(checker.findings(spec.parameters)):
                found.append(spec)
    return tuple(found)


def own_parameters(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters without those of every action."""
    return {key: value for key, value in parameters.items() if key not in COMMON}


def _known(document: Document) -> Iterator[tuple[int, Mapping[str, Any], Mapping[str, Any]]]:
    """Yield index, entry and parameters of each action whose command is known."""
    known = plugins.entries(plugins.ACTIONS)
    for index, entry in enumerate(_list(document.data.get("actions"))):
        if isinstance(entry, dict) and isinstance(entry.get("command"), str):
            parameters = entry.get("parameters")
            if entry["command"] in known and isinstance(parameters, dict | None):
                yield index, entry, parameters or {}


def _without(spec: ActionSpec, wrong: Collection[tuple[str | int, ...]]) -> ActionSpec:
    """Return the action without the parameters and list entries at the paths `wrong`."""
    parameters: dict[str, Any] = {}
    moved: dict[tuple[str | int, ...], tuple[str | int, ...]] = {}
    touched = {path[0] for path in wrong if path}
    for key, value in spec.parameters.items():
        if key not in touched:
            parameters[key] = value
        elif isinstance(value, list) and (key,) not in wrong:
            kept = [index for index in range(len(value)) if (key, index) not in wrong]
            moved |= {(key, old): (key, new) for new, old in enumerate(kept)}
            if kept:
                parameters[key] = [value[index] for index in kept]
    positions = {
        (*moved.get(path[:2], path[:2]), *path[2:]): position
        for path, position in spec.positions.items()
        if path[:2] not in wrong
    }
    return replace(spec, parameters=parameters, positions=positions)


def _spec(document: Document, index: int, entry: Mapping[str, Any]) -> ActionSpec:
    parameters = entry.get("parameters") or {}
    role, timeout = parameters.get("role"), parameters.get("timeout", JOB_DEFAULT)
    return ActionSpec(
        command=entry["command"],
        parameters=own_parameters(parameters),
        roles=None if role is None else frozenset([role] if isinstance(role, str) else role),
        timeout=None if timeout == JOB_DEFAULT else float(timeout),
        positions=document.positions(("actions", index, "parameters"))
        | {(): document.position(("actions", index))},
    )


@contextmanager
def _checker(command: str, names: Mapping[str, Collection[str]]) -> Iterator[SchemaChecker]:
    """Yield the checker of a command's parameters.

    Raise `InvalidJob` if an exception comes from an invalid schema, such as a plug-in's.
    """
    schema = plugins.action(command).parameters_schema
    try:
        yield SchemaChecker(schema, names, HINTS)
    except Exception:
        from jsonschema import Draft202012Validator, SchemaError

        try:
            Draft202012Validator.check_schema(schema)
        except SchemaError as error:
            message = f"its parameters_schema is not a JSON Schema: {error.message[:200]}"
            raise InvalidJob.about(f"action {command}", message) from error
        raise


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
