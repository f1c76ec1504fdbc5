"""From any job document to a `Job`, by the parser that accepts it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from .. import plugins
from ..errors import InvalidJob, Problem
from . import build
from .hints import did_you_mean, join_words
from .schema_messages import describe_type_error

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .model import Job
    from .source import Document

_BOARDS = ("device_group", "device_type", "target")


class JobParser(Protocol):
    """Turns the documents that it accepts into jobs; plug-ins may implement it."""

    def accepts(self, document: Document) -> bool:
        """Return True if the document, valid or not, is in this parser's format."""

    def parse(self, document: Document) -> tuple[Job, Sequence[Problem]]:
        """Return the job and the warnings; raise `InvalidJob` with every error."""


def parse_job(document: Document, target: str | None = None) -> tuple[Job, list[Problem]]:
    """Return the job and the warnings, in the order of the file.

    `target` names the device of a single-device job; it overrides the file. Raises `InvalidJob`
    with every error and warning.
    """
    if not isinstance(document.data, dict):
        raise InvalidJob([document.problem(describe_type_error(["object"], document.data, ()))])
    if target is not None:
        document = _aim(document, target)
    entries = plugins.entries(plugins.JOB_PARSERS)
    parsers: dict[str, JobParser] = {
        name: plugins.load(plugins.JOB_PARSERS, name, JobParser)() for name in entries
    }
    accepting = [name for name, parser in parsers.items() if parser.accepts(document)]
    if not accepting:
        raise _refused(document)
    if len(accepting) > 1:
        named = [f"'{name}' of {plugins.origin(entries[name])}" for name in sorted(accepting)]
        origins = join_words(named, "and")
        message = f"{len(accepting)} job parsers accept this file: {origins}"
        raise InvalidJob([document.problem(message, hint="uninstall all but one of them")])
    job, warnings = parsers[accepting[0]].parse(document)
    return job, sorted(warnings)


def _aim(document: Document, target: str) -> Document:
    if "device_group" in document.data:
        message = f"a job with a 'device_group' cannot run on one device ({target})"
        hint = "give the entry a 'device' instead"
        raise InvalidJob([document.problem(message, ("device_group",), key=True, hint=hint)])
    return document.with_top(target=target)


def _refused(document: Document) -> InvalidJob:
    """Return the problems of a document that no parser accepts."""
    data = document.data
    near = [hint for key in list(data)[:100] if (hint := did_you_mean(key, _BOARDS))]
    problem = document.problem(
        "the job does not name its devices",
        hint=near[0] if near else "a 'device_group', or 'device_type' or 'target' for one board",
    )
    try:
        build.check_document(document, [], [problem], {})
    except InvalidJob as error:
        return error
    raise AssertionError("a problem was given")
