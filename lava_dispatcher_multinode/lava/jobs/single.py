"""LAVA's jobs for one board, as a group of one: `lava-dispatch` has nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...job.source import Document
from ..dispatcher.per_node import PROTOCOL

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ...job.model import Position
    from ...job.tree import Path as DataPath

ROLE = "board"
#: Keys at the top of a job for one board that a group's job has in its role.
_OF_ROLE = ("device_type", "device", "worker", "tags", "context", "environment")
_WAY = ("protocols", PROTOCOL, "roles", ROLE)


def is_single(data: Mapping[str, Any]) -> bool:
    """Whether a LAVA job is for one board."""
    return PROTOCOL not in data.get("protocols", {})


def as_group(data: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a LAVA job as one for a group, which it may be already; `data` is not checked yet."""
    if not is_single(data):
        return data
    role = {key: data[key] for key in _OF_ROLE if key in data} | {"count": 1}
    block: dict[str, Any] = {"roles": {ROLE: role}}
    timeouts = data.get("timeouts")
    if isinstance(timeouts, dict) and "job" in timeouts:  # nobody else is there to wait for
        block["timeout"] = timeouts["job"]
    return {
        **{key: value for key, value in data.items() if key not in _OF_ROLE},
        "protocols": {**data.get("protocols", {}), PROTOCOL: block},
        **({"actions": _actions(data["actions"])} if "actions" in data else {}),
    }


class GroupOfOne(Document):
    """A file for one board whose data is a group's; places are the file's."""

    def position(self, path: DataPath = (), *, key: bool = False) -> Position:
        """Return the place in the file."""
        steps = tuple(path)
        if steps[: len(_WAY)] == _WAY:
            steps = steps[len(_WAY) :]
        return super().position(steps, key=key)

    @classmethod
    def of(cls, document: Document) -> GroupOfOne:
        """Return `document`, a LAVA job for one board, so."""
        return cls(**{**vars(document), "data": as_group(document.data)})


def _actions(actions: Any) -> Any:
    """Return the actions with the role in each block; what is no block stays for the check."""
    if not isinstance(actions, list):
        return actions
    return [
        {
            kind: {**block, "role": [ROLE]} if isinstance(block, dict) else block
            for kind, block in action.items()
        }
        if isinstance(action, dict)
        else action
        for action in actions
    ]
