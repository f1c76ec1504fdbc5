"""Jobs for one board, named by `target` or chosen by `device_type`: a group of one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import build
from .model import Role
from .removed_keys import is_pipeline

if TYPE_CHECKING:
    from ..errors import Problem
    from .model import Job
    from .source import Document

#: What the board's only role is called, since such a job has no word for it.
ROLE = "default"


class SingleBoardParser:
    """Accepts what names a board or its type, and has no group."""

    def accepts(self, document: Document) -> bool:
        """Whether there is a `target` or `device_type`, in a job of the historical format."""
        data = document.data
        if not isinstance(data, dict) or "device_group" in data or is_pipeline(data):
            return False
        return "target" in data or "device_type" in data

    def parse(self, document: Document) -> tuple[Job, list[Problem]]:
        """Return the job and warnings; raise `InvalidJob` with every error."""
        warnings = build.check_document(document, [ROLE], [], {})
        data = document.data
        role = Role(
            name=ROLE,
            device_type=build.resolve_device_type(data.get("device_type"), document),
            device=data.get("target"),
            tags=frozenset(data.get("device_tags", ())),
            position=document.position(("target" if "target" in data else "device_type",)),
        )
        return build.make_job(document, [role]), warnings
