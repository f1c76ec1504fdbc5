"""Exports a job as LAVA YAML, with a list of what LAVA's format cannot express."""

from __future__ import annotations

import tempfile
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from ... import device_types
from ...errors import InvalidJob
from ...lab.device_model import LAVA
from ..jobs.submission import PROTOCOL, SINGLE_ROLE, is_single, numbered_names, split_by_node
from .definitions import Definitions
from .lava_blocks_out import blocks_of_dictionary, blocks_of_type
from .translate import make_submission

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ...job.model import Job, Role
    from ...job.source import Document
    from ...lab.device_files import Lab
    from .lava_blocks_out import LavaBlocks


@dataclass(frozen=True)
class Exported:
    """LAVA's submission, and a remark for everything that it cannot express."""

    submission: Mapping[str, Any]
    remarks: tuple[str, ...] = ()

    def text(self, origin: str) -> str:
        """Return the submission as YAML; the remarks are comments."""
        return self._head(origin) + _yaml(self.submission)

    def nodes(self, origin: str) -> dict[str, str]:
        """Return the definition of each node as YAML, by a name for its file."""
        head, definitions = self._head(origin), self.definitions().items()
        return {name: head + _yaml(definition) for name, definition in definitions}

    def _head(self, origin: str) -> str:
        lines = [f"# Exported from {origin} by lava-multinode."]
        if self.remarks:
            lines.append("# Not expressible in LAVA's job format, or changed:")
        lines += [f"# * {line}" for remark in self.remarks for line in remark.splitlines()]
        return "".join(f"{line}\n" for line in lines)

    def definitions(self) -> dict[str, Any]:
        """Return the definition of each node by a name for its file."""
        if is_single(self.submission):
            return {SINGLE_ROLE: dict(self.submission)}
        names = numbered_names(self.submission)
        ids = [(str(number), role) for number, (_, role) in enumerate(names, 1)]
        found = split_by_node(self.submission, ids, str(uuid.uuid4()))
        return dict(zip((name for name, _ in names), found.values(), strict=True))


def export_job(
    job: Job, lab: Lab | None = None, types: Mapping[str, Mapping[str, Any]] | None = None
) -> Exported:
    """Return `job` in LAVA's format, with the device dictionaries of `lab` for devices under LAVA.

    `types` are the contents of device types by proper name, in addition to the installed ones.
    Raises the errors of fetching and reading the definitions.
    """
    if job.lava is not None:
        if "visibility" in job.lava:
            return Exported(job.lava)
        return Exported({**job.lava, "visibility": "public"}, ("visibility: public is added",))
    remarks: list[str] = []
    with tempfile.TemporaryDirectory(prefix="lava-export-", ignore_cleanup_errors=True) as scratch:
        definitions = Definitions(job, Path(scratch), remarks.append)
        blocks = {role.name: _blocks(role, lab, types or {}) for role in job.roles}
        found = make_submission(job, blocks, definitions.export, remarks.append)
    remarks += [f"{url} is on this machine: a lab cannot fetch it" for url in _local(found)]
    return Exported(found, tuple(dict.fromkeys(remarks)))


def named_types(document: Document) -> dict[str, str]:
    """Return the device types that the job names; LAVA may know types that have no driver here."""
    data = document.data if isinstance(document.data, dict) else {}
    entries = [data]
    if isinstance(group := data.get("device_group"), list):
        entries += group
    protocols = data.get("protocols")
    block = protocols.get(PROTOCOL) if isinstance(protocols, dict) else None
    if isinstance(block, dict) and isinstance(roles := block.get("roles"), dict):
        entries += roles.values()
    types = [entry.get("device_type") for entry in entries if isinstance(entry, dict)]
    return {name: name for name in types if isinstance(name, str)}


def _blocks(role: Role, lab: Lab | None, types: Mapping[str, Mapping[str, Any]]) -> LavaBlocks:
    for device in lab.devices if lab else ():
        named = role.device == device.name
        if device.host == LAVA and (named or role.device_type == device.device_type):
            return blocks_of_dictionary(device)
    device_type = role.device_type or _named_device_type(role, lab)
    defaults = types.get(device_type) or device_types.defaults(device_type)
    return blocks_of_type(device_type, defaults)


def _named_device_type(role: Role, lab: Lab | None) -> str:
    """Return the type of a device that the job only names."""
    for device in lab.devices if lab else ():
        if device.name == role.device:
            return device.device_type
    if (
        device_type := device_types.by_device_name(role.device or "", device_types.names())
    ) is not None:
        return device_type
    text = f"the type of device '{role.device}' is unknown, and LAVA needs one"
    hint = "give a --config-dir with its device file"
    raise InvalidJob([role.position.problem(text, hint)])


def _local(value: Any) -> Iterator[str]:
    """Yield the URLs in `value` that are files of this machine."""
    if isinstance(value, dict):
        for item in value.values():
            yield from _local(item)
    elif isinstance(value, list):
        for item in value:
            yield from _local(item)
    elif isinstance(value, str) and value.startswith("file://"):
        yield value


class _Dumper(yaml.SafeDumper):
    """Writes equal values in full instead of aliases, for human readers."""

    def ignore_aliases(self, data: Any) -> bool:
        """Return True: use no aliases."""
        del data
        return True


def _yaml(data: Mapping[str, Any]) -> str:
    text: str = yaml.dump(
        dict(data), Dumper=_Dumper, sort_keys=False, width=4096, allow_unicode=True
    )
    return text
