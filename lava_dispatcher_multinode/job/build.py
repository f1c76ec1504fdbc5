"""From a document to a `Job`: the part that the built-in parsers share."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import device_types as installed_types
from .. import plugins
from ..errors import InvalidJob
from . import actions
from .hints import did_you_mean, misspelled
from .model import Job
from .removed_keys import HINTS, INJECTED, is_pipeline
from .schema_check import MAX_PROBLEMS, SchemaChecker, load_schema
from .source import STDIN
from .tree import shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from ..errors import Problem
    from .model import Role
    from .source import Document
    from .tree import Path as DataPath

SCHEMA_FILE = "job.schema.json"


def check_document(
    document: Document, roles: Sequence[str], more: Sequence[Problem], foreign: Mapping[str, str]
) -> list[Problem]:
    """Return the warnings; raise `InvalidJob` with them and every error.

    `roles` are the names that actions may use; empty if they are not known. `more` are the errors
    that the caller has found. `foreign` maps top-level keys without meaning in this kind of job to
    the reason.
    """
    schema = load_schema("job", SCHEMA_FILE)
    names = {"action": plugins.entries(plugins.ACTIONS)}
    known = names | ({"role": roles} if roles else {})
    errors = [*SchemaChecker(schema, known, HINTS).problems(document), *more]
    errors += islice(actions.check_parameters(document, known), MAX_PROBLEMS)
    found = islice(_ignored(document, schema["properties"], foreign), MAX_PROBLEMS)
    warnings = sorted({*found, *misspelled_types(document, _named_types(document.data))})
    if errors:
        raise InvalidJob(sorted({*errors, *warnings}))
    return warnings


def make_job(document: Document, roles: Sequence[Role]) -> Job:
    """Return the job of a document that has passed `check_document`."""
    data = document.data
    stem = "job" if document.file == STDIN else Path(document.file).stem
    settings = data.get("multinode", {})
    return Job(
        name=data.get("job_name", stem),
        timeout=float(data["timeout"]),
        roles=tuple(roles),
        actions=actions.make_specs(document),
        file=document.file,
        directory=document.directory,
        logging_level=data.get("logging_level", "INFO"),
        deadlock_grace=float(settings.get("deadlock_grace", Job.deadlock_grace)),
        tags=tuple(data.get("tags", ())),
        metadata=data.get("metadata", {}),
    )


def make_partial_job(document: Document) -> Job:
    """Return a job of the valid actions of an invalid document, without roles."""
    found = () if is_pipeline(document.data) else actions.make_valid_specs(document)
    return Job("", 1.0, (), found, document.file, document.directory)


def resolve_device_type(device_type: str | None, document: Document) -> str | None:
    """Return the proper name of a device type; that of an unknown type is its name."""
    return None if device_type is None else device_types(document).get(device_type, device_type)


def device_types(document: Document) -> Mapping[str, str]:
    """Return every device type name that a job may use, mapped to its proper name."""
    return {**document.device_types, **installed_types.names()}


def misspelled_types(
    document: Document, named: Iterable[tuple[DataPath, object]]
) -> Iterator[Problem]:
    """Yield a warning for each device type, given with its path, that resembles a known one.

    An unknown type is no error: its boards may be described by their own device files only.
    """
    known = device_types(document)
    for path, name in islice(named, MAX_PROBLEMS):
        if isinstance(name, str) and (near := misspelled(name, known)):
            text = f"nothing describes the device type {shown(name)}"
            yield document.problem(text, path, hint=did_you_mean(near, known), warning=True)


def _named_types(data: Mapping[str, Any]) -> Iterator[tuple[DataPath, object]]:
    """Yield each device type of a job, valid or not, with its path."""
    yield ("device_type",), data.get("device_type")
    group = data.get("device_group")
    for index, entry in enumerate(group if isinstance(group, list) else ()):
        if isinstance(entry, dict):
            yield ("device_group", index, "device_type"), entry.get("device_type")


def _ignored(
    document: Document, known: Mapping[str, Any], foreign: Mapping[str, str]
) -> Iterator[Problem]:
    for key in document.data:
        message, hint = f"unknown key {shown(key)} is ignored", ""
        if key in foreign:
            message, hint = f"'{key}' is ignored", foreign[key]
        elif key in known:
            continue
        elif key in INJECTED:
            message, hint = f"'{key}' is ignored", "only the scheduler of 2013 used it"
        else:
            hint = did_you_mean(key, known)
        yield document.problem(message, (key,), key=True, hint=hint, warning=True)
