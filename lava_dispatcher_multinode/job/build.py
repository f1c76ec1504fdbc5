"""From a document to a `Job`: the part that the built-in parsers share."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import device_types as installed_types
from .. import plugins
from ..errors import InvalidJob
from . import actions
from .hints import did_you_mean
from .model import Job
from .removed_keys import HINTS, INJECTED, is_pipeline
from .schema_check import MAX_PROBLEMS, SchemaChecker, load_schema
from .source import STDIN
from .tree import shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ..errors import Problem
    from .model import Role
    from .source import Document

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
    names = {"action": plugins.entries(plugins.ACTIONS), "device-type": device_types(document)}
    known = names | ({"role": roles} if roles else {})
    errors = [*SchemaChecker(schema, known, HINTS).problems(document), *more]
    errors += islice(actions.check_parameters(document, known), MAX_PROBLEMS)
    found = islice(_ignored(document, schema["properties"], foreign), MAX_PROBLEMS)
    warnings = sorted(set(found))
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
    """Return the proper name of a device type."""
    return None if device_type is None else device_types(document)[device_type]


def device_types(document: Document) -> Mapping[str, str]:
    """Return every device type name that a job may use, mapped to its proper name."""
    return {**document.device_types, **installed_types.names()}


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
