"""LAVA submissions: as a job for a group, split by node, and their timeouts."""

from __future__ import annotations

import math
import re
from copy import deepcopy
from typing import TYPE_CHECKING, Any

from ...job.source import Document

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ...job.model import Position
    from ...job.tree import Path as DataPath

PROTOCOL = "lava-multinode"
#: The role of a job for a single device.
SINGLE_ROLE = "board"
#: Keys at the top of a job for a single device, which a job for a group has in its roles.
_ROLE_KEYS = ("device_type", "device", "worker", "tags", "context", "environment")
_ROLE_PATH = ("protocols", PROTOCOL, "roles", SINGLE_ROLE)
#: Seconds of each unit of a timeout.
_UNITS = {"days": 86400, "hours": 3600, "minutes": 60, "seconds": 1}
_PLAIN = re.compile(r"[\w.+-]+")

#: Keys of the submission that each node's definition repeats.
_COPIED = (
    "job_name", "timeouts", "priority", "visibility", "notify", "metadata",
    "reboot_to_fastboot", "secrets",
)  # fmt: skip
#: Keys of a role that move to the top of its nodes' definitions; others stay in the protocol.
_TOP = ("device_type", "connection", "host_role", "context")


def split_by_node(
    submission: Mapping[str, Any], nodes: Sequence[tuple[str, str]], group: str
) -> dict[str, dict[str, Any]]:
    """Return each node's definition by the node's name in LAVA, as LAVA's scheduler makes them.

    `nodes` has name and role of each node; all are in the group named `group`. Blocks keep the
    order of the submission.
    """
    block = submission["protocols"][PROTOCOL]
    definitions = {}
    for number, (name, role) in enumerate(nodes):
        entry = block["roles"][role]
        definition = {key: submission[key] for key in _COPIED if key in submission}
        definition |= {key: entry[key] for key in _TOP if key in entry}
        protocol = {
            **{key: value for key, value in entry.items() if key not in {*_TOP, "count"}},
            **{key: value for key, value in block.items() if key not in {"role", "roles"}},
            "target_group": group,
            "role": role,
            "group_size": len(nodes),
            "sub_id": number,
            "roles": dict(nodes),
        }
        definition["protocols"] = {**_others(submission), PROTOCOL: protocol}
        definition["actions"] = actions_of(submission, role)
        definitions[name] = deepcopy(definition)
    return definitions


def node_names(submission: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return name and role of each node, in the order of a server's jobs.

    The only node of a role has the role's name, unless another node has that name (role `client-1`
    beside two nodes of `client`): then every node has a number.
    """
    numbered = numbered_names(submission)
    roles = submission["protocols"][PROTOCOL]["roles"]
    short = [(role if roles[role]["count"] == 1 else name, role) for name, role in numbered]
    return short if len(dict(short)) == len(short) else numbered


def numbered_names(submission: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the nodes like `node_names`, but all with a number: such names never collide."""
    roles = submission["protocols"][PROTOCOL]["roles"]
    return [
        (f"{role}-{number}", role)
        for role, entry in roles.items()
        for number in range(1, entry["count"] + 1)
    ]


def actions_of(submission: Mapping[str, Any], role: str) -> list[dict[str, Any]]:
    """Return the blocks of `role`, each with that role only."""
    return [
        {kind: {**block, "role": role}}
        for action in submission["actions"]
        for kind, block in action.items()
        if role in roles_of(block)
    ]


def roles_of(block: Mapping[str, Any]) -> Sequence[str]:
    """Return the roles of a block; a single role may be written without a list."""
    roles: Sequence[str] | str = block.get("role", ())
    return [roles] if isinstance(roles, str) else roles


def definitions_of(actions: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return the names of the definitions in `actions` that a signal can contain."""
    blocks = (block for action in actions for block in action.values())
    found = (entry.get("name") for block in blocks for entry in block.get("definitions") or ())
    return [name for name in found if isinstance(name, str) and _PLAIN.fullmatch(name)]


def _others(submission: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in submission["protocols"].items() if key != PROTOCOL}


def is_single(data: Mapping[str, Any]) -> bool:
    """Return True if a LAVA job is for a single device."""
    return PROTOCOL not in data.get("protocols", {})


def as_group(data: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a LAVA job as a job for a group, unchanged if it is one; `data` may be invalid."""
    if not is_single(data):
        return data
    role = {key: data[key] for key in _ROLE_KEYS if key in data} | {"count": 1}
    block: dict[str, Any] = {"roles": {SINGLE_ROLE: role}}
    timeouts = data.get("timeouts")
    if isinstance(timeouts, dict) and "job" in timeouts:  # there is no other node to wait for
        block["timeout"] = timeouts["job"]
    return {
        **{key: value for key, value in data.items() if key not in _ROLE_KEYS},
        "protocols": {**data.get("protocols", {}), PROTOCOL: block},
        **({"actions": _with_role(data["actions"])} if "actions" in data else {}),
    }


class GroupOfOne(Document):
    """A job file for a single device, with the data of a group and the positions of the file."""

    def position(self, path: DataPath = (), *, key: bool = False) -> Position:
        """Return the position in the file."""
        steps = tuple(path)
        if steps[: len(_ROLE_PATH)] == _ROLE_PATH:
            steps = steps[len(_ROLE_PATH) :]
        return super().position(steps, key=key)

    @classmethod
    def of(cls, document: Document) -> GroupOfOne:
        """Return the LAVA job `document`, for a single device, as a group of one."""
        return cls(**{**vars(document), "data": as_group(document.data)})


def _with_role(actions: Any) -> Any:
    """Return the actions with the role in each block; the schema check reports the rest."""
    if not isinstance(actions, list):
        return actions
    return [
        {
            kind: {**block, "role": [SINGLE_ROLE]} if isinstance(block, dict) else block
            for kind, block in action.items()
        }
        if isinstance(action, dict)
        else action
        for action in actions
    ]


def parse_timeout(value: Mapping[str, Any]) -> float:
    """Return the seconds of a LAVA timeout such as `{minutes: 5}`; its key `skip` is ignored."""
    return float(sum(_UNITS[unit] * value[unit] for unit in _UNITS if unit in value))


def format_timeout(seconds: float) -> dict[str, int]:
    """Return a LAVA timeout of at least `seconds`: one unit, a whole number of at least 1."""
    whole = max(1, math.ceil(seconds))
    unit = next(unit for unit in _UNITS if whole % _UNITS[unit] == 0)
    return {unit: whole // _UNITS[unit]}
