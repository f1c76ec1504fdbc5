"""Parses LAVA jobs: for a group (`protocols: lava-multinode`), and for one device."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ...actions.action import CALL
from ...errors import InvalidJob
from ...job.build import misspelled_types, resolve_device_type
from ...job.device_group import MAX_BOARDS
from ...job.model import ActionSpec, Job, Role
from ...job.removed_keys import is_pipeline
from ...job.schema_check import SchemaChecker, load_schema
from ..log_redaction import MASK, hiding_secrets
from .lava_blocks_in import ignored_keys, import_block, import_calls
from .submission import PROTOCOL, GroupOfOne, is_single, parse_timeout
from .variables import flatten_environment, format_secrets, invalid_names

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ...errors import Problem
    from ...job.source import Document
    from ...job.tree import Path

SCHEMA = "submission.schema.json"
DEFAULT_CALL_TIMEOUT_S = 30.0  # LAVA's default for a MultiNode call
_ROLES = ("protocols", PROTOCOL, "roles")
_NOT_HERE = "in a multinode job each role has its own, below protocols: lava-multinode: roles"


class LavaParser:
    """Accepts jobs in LAVA's own format, for a group or for one device."""

    def accepts(self, document: Document) -> bool:
        """Return True for a LAVA job."""
        return is_pipeline(document.data)

    def parse(self, document: Document) -> tuple[Job, list[Problem]]:
        """Return the job and the warnings; raise `InvalidJob` with every error."""
        document, target = _without_target(document)
        lava = document.data
        if not isinstance(lava.get("protocols", {}), dict):
            text = "'protocols' must map names to protocols"
            raise InvalidJob([document.problem(text, ("protocols",))])
        if is_single(lava):
            document = document if target is None else document.with_top(device=target)
            document = GroupOfOne.of(document)
        elif "target_group" in _block(lava):
            text = "this is the definition of one node, made by a LAVA server"
            path = ("protocols", PROTOCOL, "target_group")
            hint = "use the job as it was submitted"
            raise InvalidJob([document.problem(text, path, key=True, hint=hint)])
        elif target is not None:
            hint = "give a role a 'device' instead"
            text = f"a job for a group cannot run on one device ({target})"
            raise InvalidJob([document.problem(text, ("protocols",), key=True, hint=hint)])
        roles = _roles(document.data)
        schema = load_schema("lava.jobs", SCHEMA)
        problems = SchemaChecker(schema, {"role": list(roles)}).problems(document)
        problems = problems or list(_problems(document))
        if problems:
            raise InvalidJob(sorted(problems))
        warnings = [
            document.problem(
                f"unknown key '{key}': LAVA refuses it", (key,), key=True, warning=True
            )
            for key in document.data
            if key not in schema["properties"]
        ]
        warnings += misspelled_types(document, _named_types(roles))
        warnings += _hiding(document)
        if not document.for_lab:
            warnings += _context(document)
        return _job(document, lava), warnings


def _without_target(document: Document) -> tuple[Document, str | None]:
    """Return the document without the device that the command line has set, and its name."""
    data = dict(document.data)
    target = data.pop("target", None)
    return replace(document, data=data), target


def _block(data: Mapping[str, Any]) -> Mapping[str, Any]:
    block = data["protocols"][PROTOCOL]
    return block if isinstance(block, dict) else {}


def _roles(data: Mapping[str, Any]) -> Mapping[str, Any]:
    roles = _block(data).get("roles")
    return roles if isinstance(roles, dict) else {}


def _named_types(roles: Mapping[str, Any]) -> Iterator[tuple[Path, object]]:
    """Yield the device type of each role, with its path."""
    for name, role in roles.items():
        yield (*_ROLES, name, "device_type"), role.get("device_type")


def _problems(document: Document) -> Iterator[Problem]:
    """Yield the problems that the schema cannot express."""
    data = document.data
    for key in ("device_type", "environment", "context", "tags"):
        if data.get(key):
            yield document.problem(
                f"'{key}' cannot be at the top", (key,), key=True, hint=_NOT_HERE
            )
    roles = data["protocols"][PROTOCOL]["roles"]
    for name, role in roles.items():
        yield from _role_problems(document, name, role)
    total = sum(role.get("count", 0) for role in roles.values())
    if not 1 <= total <= MAX_BOARDS:
        text = (
            "no role has a device"
            if not total
            else f"{total} boards in one job; the limit is {MAX_BOARDS}"
        )
        yield document.problem(text, _ROLES)
    yield from _long_timeouts(document)
    for index, action in enumerate(data["actions"]):
        for kind, block in action.items():
            for step in import_calls(kind, block):
                if step.refused:
                    path = ("actions", index, kind, "protocols")
                    yield document.problem(f"{step.command}: {step.refused}", path, key=True)


def _role_problems(document: Document, name: str, role: Mapping[str, Any]) -> Iterator[Problem]:
    path = (*_ROLES, name)
    if "connection" in role:
        if not document.for_lab:
            hint = "only a LAVA server supports them: see lava-multinode submit"
            text = f"role '{name}' is a secondary connection ({role['connection']}), not a board"
            yield document.problem(text, (*path, "connection"), hint=hint)
        return
    for variable in invalid_names(role.get("environment", {})):
        text = f"invalid name or value of shell variable '{variable}'"
        yield document.problem(text, (*path, "environment", variable))
    if "device" in role and role.get("count", 1) != 1:
        yield document.problem(
            "'count' must be 1 where 'device' names one board", (*path, "count")
        )
    if ("request" in role) != ("expect_role" in role):
        text = "'request: lava-start' and 'expect_role' go together"
        yield document.problem(text, path)
    if role.get("expect_role") == name:
        text = f"role '{name}' cannot wait for itself to be started"
        yield document.problem(text, (*path, "expect_role"))


def _long_timeouts(document: Document) -> Iterator[Problem]:
    """Yield the timeouts that LAVA refuses: those longer than the job's."""
    timeouts = document.data["timeouts"]
    limit = parse_timeout(timeouts["job"])
    places: list[tuple[str | int, ...]] = [
        ("timeouts", key) for key in ("action", "connection") if key in timeouts
    ]
    for index, action in enumerate(document.data["actions"]):
        for kind, block in action.items():
            if "timeout" in block:
                places.append(("actions", index, kind, "timeout"))
    for path in places:
        value: Any = document.data
        for step in path:
            value = value[step]
        if parse_timeout(value) > limit:
            yield document.problem("the timeout is longer than the job's", path)


def _context(document: Document) -> Iterator[Problem]:
    for name, role in document.data["protocols"][PROTOCOL]["roles"].items():
        if role.get("context"):
            path = (*_ROLES, name, "context")
            text = "'context' has no effect on a rendered device dictionary"
            hint = "render it with lavacli devices dict get --render --context '...' NAME"
            yield document.problem(text, path, key=True, hint=hint, warning=True)


def _hiding(document: Document) -> Iterator[Problem]:
    for name in hiding_secrets(document.data):
        text = f"the value of secret '{name}' is part of LAVA's own words or of a test's name"
        hint = f"LAVA's log has {MASK} instead, so results cannot be read: use another value"
        yield document.problem(text, ("secrets", name), hint=hint, warning=True)


def _job(document: Document, lava: Mapping[str, Any]) -> Job:
    data = document.data
    block = data["protocols"][PROTOCOL]
    return Job(
        name=data["job_name"],
        timeout=parse_timeout(block["timeout"]) if "timeout" in block else DEFAULT_CALL_TIMEOUT_S,
        roles=tuple(_role(document, name, role) for name, role in block["roles"].items()),
        actions=(*_delayed(document), *_actions(document)),
        file=document.file,
        directory=document.directory,
        metadata=data.get("metadata", {}),
        lava=lava,
        remarks=tuple(_remarks(document)),
        secrets=format_secrets(data),
        places=tuple(document.position(("actions", n)) for n in range(len(data["actions"]))),
    )


def _role(document: Document, name: str, role: Mapping[str, Any]) -> Role:
    device = role.get("device")
    return Role(
        name=name,
        count=role["count"],
        device_type=None if device else resolve_device_type(role.get("device_type"), document),
        device=device,
        tags=frozenset(role.get("tags", ())),
        essential=bool(role.get("essential")),
        environment=flatten_environment(role.get("environment"))
        if role.get("environment")
        else {},
        position=document.position((*_ROLES, name)),
    )


def _delayed(document: Document) -> Iterator[ActionSpec]:
    """Yield the wait of each role that another role starts."""
    for name, role in document.data["protocols"][PROTOCOL]["roles"].items():
        if role.get("request") == "lava-start":
            call = {"request": "lava-wait-all", "message_id": "lava_start"}
            yield ActionSpec(
                command=CALL,
                parameters={**call, "waitrole": role["expect_role"]},
                roles=frozenset([name]),
                timeout=parse_timeout(role.get("timeout") or document.data["timeouts"]["job"]),
                positions={(): document.position((*_ROLES, name))},
            )


def _actions(document: Document) -> Iterator[ActionSpec]:
    timeouts = document.data["timeouts"]
    for index, action in enumerate(document.data["actions"]):
        for kind, block in action.items():
            path = ("actions", index, kind)
            default = block.get("timeout") or timeouts.get("action") or timeouts["job"]
            for step in import_block(kind, block):
                yield ActionSpec(
                    command=step.command,
                    parameters=step.parameters,
                    roles=frozenset(block["role"]),
                    timeout=parse_timeout(step.timeout or default),
                    refused=step.refused,
                    refused_at=step.at,
                    wrong=step.wrong,
                    positions=document.positions(path)
                    | {at: document.position((*path, *at), key=True) for at in ((), step.at)},
                )


def _remarks(document: Document) -> Iterator[tuple[frozenset[str], Problem]]:
    for index, action in enumerate(document.data["actions"]):
        for kind, block in action.items():
            for at, text in ignored_keys(kind, block):
                path = ("actions", index, kind, *at)
                yield (
                    frozenset(block["role"]),
                    document.problem(text, path, key=True, warning=True),
                )
