"""Jobs with a `device_group`: several devices, each with a role."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from . import build
from .model import Role
from .schema_check import load_schema

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..errors import Problem
    from .model import Job
    from .source import Document

MAX_BOARDS = 1000

_GROUP = "this job has its devices in 'device_group'"
_FOREIGN = {"target": _GROUP, "device_type": _GROUP, "device_tags": _GROUP}


class DeviceGroupParser:
    """Accepts jobs with the key `device_group`."""

    def accepts(self, document: Document) -> bool:
        """Return True if the document has the key."""
        return isinstance(document.data, dict) and "device_group" in document.data

    def parse(self, document: Document) -> tuple[Job, list[Problem]]:
        """Return the job and the warnings; raise `InvalidJob` with every error."""
        entries = _entries(document)
        warnings = build.check_document(
            document, _names(entries), list(_problems(document)), _FOREIGN
        )
        roles = [
            Role(
                name=entry["role"],
                count=int(entry.get("count", 1)),
                device_type=build.resolve_device_type(entry.get("device_type"), document),
                device=entry.get("device"),
                tags=frozenset(entry.get("tags", ())),
                position=document.position(("device_group", index)),
            )
            for index, entry in enumerate(entries)
        ]
        return build.make_job(document, roles), warnings


def _entries(document: Document) -> list[dict[str, Any]]:
    group = document.data["device_group"]
    entries = group if isinstance(group, list) else []
    return [entry if isinstance(entry, dict) else {} for entry in entries]


def _names(entries: list[dict[str, Any]]) -> list[str]:
    """Return the roles; none if one of them is invalid, as any name could be meant."""
    pattern = load_schema("job", build.SCHEMA_FILE)["$defs"]["name"]["pattern"]
    names = [entry.get("role") for entry in entries]
    right = [name for name in names if isinstance(name, str) and re.search(pattern, name)]
    return right if len(set(right)) == len(names) else []


def _problems(document: Document) -> Iterator[Problem]:
    """Yield the problems that the schema cannot express: duplicate names, too many devices."""
    entries = _entries(document)
    for key in ("role", "device"):
        first: dict[str, int] = {}
        for index, entry in enumerate(entries):
            name = entry.get(key)
            if not isinstance(name, str):
                continue
            if name in first:
                line = document.position(("device_group", first[name], key)).line
                path = ("device_group", index, key)
                yield document.problem(
                    f"{key} '{name}' is duplicated", path, hint=f"first on line {line}"
                )
            first.setdefault(name, index)
    counts = [entry.get("count", 1) for entry in entries]
    total = sum(count for count in counts if isinstance(count, int))
    if total > MAX_BOARDS >= max(counts, default=0):
        message = f"{total} boards in one job; the limit is {MAX_BOARDS}"
        yield document.problem(message, ("device_group",))
