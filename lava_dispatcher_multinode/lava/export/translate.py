"""Translates a job into one LAVA multinode submission."""

from __future__ import annotations

import shlex
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from ...actions.action import load_action
from ..jobs.submission import PROTOCOL, format_timeout
from .definitions import FORMAT, Definitions
from .lava_blocks_out import BOOT_ACTIONS, blocks_of_dictionary

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from ...job.model import ActionSpec, Job
    from ...lab.device_model import Device
    from .lava_blocks_out import LavaBlocks

    Block = dict[str, Any]
    DefinitionExporter = Callable[[ActionSpec], list[Block]]

JOB_MARGIN_S = 600.0  # added to the sum of the job's actions
CONNECTION_TIMEOUT_S = 120.0  # for one answer of a console


def submission_for(job: Job, device: Device, directory: Path) -> dict[str, Any]:
    """Return the submission for the node on `device`, whose dispatcher is on this host.

    It has all roles, as if they had such devices; only this node's part is used.
    """
    directory.mkdir(parents=True, exist_ok=True)
    definitions = Definitions(job, directory, lambda _: None, directory / "tarballs")
    return _submission_on(job, device, definitions.export)


def outline_submission(job: Job, device: Device) -> dict[str, Any]:
    """Return the submission for the node on `device`, with placeholders for its definitions.

    Nothing is fetched.
    """
    placeholder = _inline_call({"request": "lava-self", "message_id": ""})
    return _submission_on(job, device, lambda _: [placeholder])


def _submission_on(job: Job, device: Device, export: DefinitionExporter) -> dict[str, Any]:
    blocks = dict.fromkeys((role.name for role in job.roles), blocks_of_dictionary(device))
    return make_submission(job, blocks, export, lambda _: None)


def make_submission(
    job: Job,
    blocks: Mapping[str, LavaBlocks],
    export: DefinitionExporter,
    remark: Callable[[str], None],
) -> dict[str, Any]:
    """Return `job` in LAVA's format; `blocks` maps each role to its blocks.

    `export` returns LAVA's `definitions` of a lava_test_shell action; its errors are raised.
    `remark` is called with what LAVA's format cannot express.
    """
    writer = _Writer(job, blocks, export, remark)
    for spec in job.actions:
        load_action(spec.command).export(spec, writer)
    for text in dict.fromkeys(text for own in blocks.values() for text in own.remarks):
        remark(text)
    if job.deadlock_grace != type(job).deadlock_grace:
        remark("multinode.deadlock_grace: LAVA does not find deadlocks; its waits end by timeout")
    metadata = {**job.metadata, **({"tags": list(job.tags)} if job.tags else {})}
    return {
        "job_name": job.name[:200],
        "visibility": "public",
        "priority": "medium",
        "timeouts": {
            "job": format_timeout(writer.longest + JOB_MARGIN_S),
            "action": format_timeout(job.timeout),
            "connection": format_timeout(min(CONNECTION_TIMEOUT_S, job.timeout)),
        },
        **({"metadata": metadata} if metadata else {}),
        "protocols": {
            PROTOCOL: {
                "timeout": format_timeout(job.timeout),
                "roles": {role.name: _role(role, blocks[role.name]) for role in job.roles},
            }
        },
        "actions": writer.actions,
    }


def _role(role: Any, blocks: LavaBlocks) -> dict[str, Any]:
    entry: dict[str, Any] = {"device_type": blocks.device_type, "count": role.count}
    if role.device is not None:
        entry["device"] = role.device
    if role.tags:
        entry["tags"] = sorted(role.tags)
    if role.essential:
        entry["essential"] = True
    return entry


class _Writer:
    """Writes the actions, and tracks for each role what LAVA's blocks need beyond them."""

    def __init__(
        self,
        job: Job,
        blocks: Mapping[str, LavaBlocks],
        export: DefinitionExporter,
        remark: Callable[[str], None],
    ) -> None:
        self.actions: list[dict[str, Block]] = []
        self._job = job
        self._blocks = blocks
        self._export = export
        self.remark = remark
        self._roles = [role.name for role in job.roles]
        self._seconds = dict.fromkeys(self._roles, 0.0)
        self._deployed: dict[str, str] = {}  # role -> image | kernel | nfs
        self._booted: set[str] = set()
        self._calls: dict[str, list[Block]] = defaultdict(list)  # before the next boot

    @property
    def longest(self) -> float:
        """The seconds of the role that may take longest."""
        return max(self._seconds.values())

    def deploy(self, spec: ActionSpec, kind: str) -> None:
        """Write the deploy blocks of `spec`."""
        roles = self._roles_of(spec)
        directory, parameters = self._job.directory, spec.parameters

        def block(role: str) -> Block:
            blocks = self._blocks[role]
            write = blocks.deploy_image if kind == "image" else blocks.deploy_kernel
            return write(parameters, directory)

        self._write("deploy", roles, block, self._limit(spec))
        self._booted -= set(roles)
        self._deployed |= dict.fromkeys(roles, "nfs" if "rootfs" in parameters else kind)

    def _boot(self, roles: Sequence[str], limit: float) -> None:
        # LAVA puts the overlay of the tests on the device when it deploys.
        bare = [role for role in roles if role not in self._deployed]
        if bare:
            self._write("deploy", bare, lambda _: {"to": "overlay"}, limit)
            self._deployed |= dict.fromkeys(bare, "image")

        def block(role: str) -> Block:
            own = self._blocks[role].boot_block(self._deployed[role])
            action = BOOT_ACTIONS.get(own.get("method", ""), "")
            calls = [{"action": action, **call} for call in self._calls.get(role, ())]
            return own | ({"protocols": {PROTOCOL: calls}} if calls else {})

        self._write("boot", roles, block, limit)
        for role in roles:
            self._calls.pop(role, None)
        self._booted |= set(roles)

    def boot(self, spec: ActionSpec) -> None:
        """Write the boot blocks of `spec`."""
        self._boot(self._roles_of(spec), self._limit(spec))

    def test(self, spec: ActionSpec) -> None:
        """Write the test blocks of `spec`, after a boot of the roles that have not booted."""
        roles, limit = self._roles_of(spec), self._limit(spec)
        if cold := [role for role in roles if role not in self._booted]:
            self._boot(cold, limit)
        found = self._export(spec)
        self._write("test", roles, lambda _: {"definitions": found}, limit)

    def call(self, spec: ActionSpec) -> None:
        """Write a call of the dispatcher: before a boot in its block, afterwards as a test."""
        roles, given, limit = self._roles_of(spec), spec.parameters, self._limit(spec)
        for role in roles:
            if role not in self._booted:
                self._calls[role].append(_request(given, limit))
        if warm := [role for role in roles if role in self._booted]:
            name = f"{given['request']}-{given['message_id']}"
            definition = _inline_call(given)
            self._write("test", warm, lambda _: {"definitions": [definition]}, limit)
            self.remark(f"{name}: the board makes the call, because LAVA's dispatcher cannot")

    def _write(
        self, kind: str, roles: Iterable[str], block: Callable[[str], Block], limit: float
    ) -> None:
        """Write one block for each set of roles with equal blocks."""
        alike: list[tuple[Block, list[str]]] = []
        for role in roles:
            own = block(role)
            self._seconds[role] += limit
            same = next((names for other, names in alike if other == own), None)
            if same is None:
                alike.append((own, [role]))
            else:
                same.append(role)
        for own, names in alike:
            self.actions.append({kind: {"role": names, "timeout": format_timeout(limit), **own}})

    def _roles_of(self, spec: ActionSpec) -> list[str]:
        return [role for role in self._roles if spec.roles is None or role in spec.roles]

    def _limit(self, spec: ActionSpec) -> float:
        return self._job.timeout if spec.timeout is None else spec.timeout


def _inline_call(given: Mapping[str, Any]) -> Block:
    """Return a definition that makes the call from the device."""
    name = "dispatcher-call"
    words = [given["request"], given["message_id"], given.get("waitrole") or ""]
    words += [shlex.quote(f"{key}={value}") for key, value in given.get("message", {}).items()]
    metadata = {"format": FORMAT, "name": name}
    steps = [" ".join(word for word in words if word)]
    return {
        "from": "inline",
        "name": name,
        "path": f"inline/{name}.yaml",
        "repository": {"metadata": metadata, "run": {"steps": steps}},
    }


def _request(given: Mapping[str, Any], limit: float) -> Block:
    """Return a MultiNode call of the dispatcher in LAVA's format."""
    call: Block = {"request": given["request"], "messageID": given["message_id"]}
    if given.get("message"):
        call["message"] = {key: str(value) for key, value in given["message"].items()}
    if given.get("waitrole"):
        call["role"] = given["waitrole"]
    return call | {"timeout": format_timeout(limit)}
