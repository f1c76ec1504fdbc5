"""The interface of a job parser, which plug-ins may implement."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..errors import Problem
    from .model import Job
    from .source import Document


class JobParser(Protocol):
    """Turns the documents that it accepts into jobs."""

    def accepts(self, document: Document) -> bool:
        """Return True if the document, valid or not, is in this parser's format."""

    def parse(self, document: Document) -> tuple[Job, Sequence[Problem]]:
        """Return the job and the warnings; raise `InvalidJob` with every error."""
