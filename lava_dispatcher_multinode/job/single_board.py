"""Jobs for one device, named by `target` or chosen by `device_type`: a group of one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import build
from .model import Role
from .removed_keys import is_pipeline

if TYPE_CHECKING:
    from ..errors import Problem
    from .model import Job
    from .source import Document

#: The name of the only role, which such a job does not name.
ROLE = "default"


class SingleBoardParser:
    """Accepts jobs of the historical format that name a device or its type."""

    def accepts(self, document: Document) -> bool:
        """Return True for a job of the historical format with `target` or `device_type`."""
        data = document.data
        if not isinstance(data, dict) or "device_group" in data or is_pipeline(data):
            return False
        return "target" in data or "device_type" in data

    def parse(self, document: Document) -> tuple[Job, list[Problem]]:
        """Return the job and the warnings; raise `InvalidJob` with every error."""
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
