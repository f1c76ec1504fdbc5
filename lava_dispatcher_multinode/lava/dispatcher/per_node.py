"""One multinode submission to one definition for each node, as LAVA's scheduler does it."""

from __future__ import annotations

import re
from copy import deepcopy
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

PROTOCOL = "lava-multinode"
_PLAIN = re.compile(r"[\w.+-]+")

#: Keys of the submission that each node's definition has, too.
_COPIED = (
    "job_name", "timeouts", "priority", "visibility", "notify", "metadata",
    "reboot_to_fastboot", "secrets",
)  # fmt: skip
#: Keys of a role that go to the top of its nodes' definitions; the others stay in the protocol.
_TOP = ("device_type", "connection", "host_role", "context")


def split(
    submission: Mapping[str, Any], nodes: Sequence[tuple[str, str]], group: str
) -> dict[str, dict[str, Any]]:
    """Return each node's definition by the node's name in LAVA's eyes.

    `nodes` has the name and the role of each; all of them are in the group of
    that name. What a role's nodes do is in the submission's order.
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
    """Return the name and the role of each node, in the order of a server's jobs.

    A role with one node gives it its own name, unless that is the name of another node
    (role `client-1` beside two nodes of `client`): then every node has a number.
    """
    numbered = numbered_names(submission)
    roles = submission["protocols"][PROTOCOL]["roles"]
    short = [(role if roles[role]["count"] == 1 else name, role) for name, role in numbered]
    return short if len(dict(short)) == len(short) else numbered


def numbered_names(submission: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the nodes as `node_names`, all with a number: such names never collide."""
    roles = submission["protocols"][PROTOCOL]["roles"]
    return [
        (f"{role}-{number}", role)
        for role, entry in roles.items()
        for number in range(1, entry["count"] + 1)
    ]


def actions_of(submission: Mapping[str, Any], role: str) -> list[dict[str, Any]]:
    """Return the blocks of `role`, each with that role alone."""
    return [
        {kind: {**block, "role": role}}
        for action in submission["actions"]
        for kind, block in action.items()
        if role in roles_of(block)
    ]


def roles_of(block: Mapping[str, Any]) -> Sequence[str]:
    """Return the roles of a block; one may be written without its list."""
    roles: Sequence[str] | str = block.get("role", ())
    return [roles] if isinstance(roles, str) else roles


def definitions_of(actions: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return the names of the definitions in `actions`, but those that a signal would garble."""
    blocks = (block for action in actions for block in action.values())
    found = (entry.get("name") for block in blocks for entry in block.get("definitions") or ())
    return [name for name in found if isinstance(name, str) and _PLAIN.fullmatch(name)]


def _others(submission: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in submission["protocols"].items() if key != PROTOCOL}
