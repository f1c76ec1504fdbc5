"""Checks of devices under LAVA's dispatcher before a job runs."""

from __future__ import annotations

import json
import os
import subprocess
from collections import defaultdict
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import InfrastructureError, InvalidJob, Problem
from ...job.model import Position
from ...lab.device_model import LAVA
from ..dictionary import load_dictionary, methods
from ..export.translate import outline_submission
from ..jobs.submission import actions_of, as_group, roles_of, split_by_node
from .installed import find_dispatcher, make_environment

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from ...job.model import Job
    from ...lab.device_model import Device
    from .installed import Installed

VALIDATOR = Path(__file__).with_name("validate_in_lava.py")
MAX_REASON_CHARS = 1000
VALIDATOR_TIMEOUT_S = 60.0  # a slow machine imports all of LAVA


def check_ready(devices: Iterable[Device]) -> None:
    """Check that this host can run those of `devices` that have `host: lava`.

    Raises `InfrastructureError` if there is no dispatcher, or none that this user may run, and
    `InvalidJob` for an invalid device dictionary.
    """
    lavas = [device for device in devices if device.host == LAVA]
    problems = [problem for device in lavas for problem in dictionary_problems(device)]
    if problems:
        raise InvalidJob(sorted(set(problems)))
    for device in lavas:
        try:
            check_allowed(find_dispatcher(device.lava))
        except InfrastructureError as error:
            raise InfrastructureError(f"{device.name}: {error}") from error


def check_allowed(installed: Installed) -> None:
    """Raise `InfrastructureError` if this user may not run the dispatcher."""
    if installed.needs_root and os.geteuid() != 0:
        raise InfrastructureError(
            f"LAVA's dispatcher {installed.version} ({installed.lava_run}) runs only as root: run "
            "as root, or name a newer version (lava.path in the device file, or "
            "LAVA_DISPATCHER_PATH)"
        )


def dictionary_problems(device: Device) -> list[Problem]:
    """Return the problems of the LAVA files that a device file names."""
    problems = []
    for path in (device.lava.dispatcher, device.lava.env_dut):
        if path is not None and not path.is_file():
            text = f"cannot read the file, which {device.name}'s device file names"
            problems.append(Problem(str(path), 0, 0, text))
    try:
        load_dictionary(device)
    except InvalidJob as error:
        problems += error.problems
    return problems


def check_capabilities(job: Job, boards: Mapping[str, Sequence[Device]]) -> list[Problem]:
    """Return what no device of a role can do; what only some cannot do is a warning.

    A tool that this host lacks is a warning, too, as the lab may be on another host. `boards` maps
    each role to all devices that may play it. The answers come from LAVA itself, if it is
    installed on this machine.
    """
    found: dict[str, list[list[Problem]]] = {}  # role -> problems of each of its devices
    asked: dict[Installed, list[tuple[str, int, list[Any]]]] = defaultdict(list)
    for role, devices in boards.items():
        found[role] = [[] for _ in devices]
        for number, device in enumerate(devices):
            if device.host != LAVA:
                continue
            found[role][number] += dictionary_problems(device)
            if not found[role][number]:
                with suppress(InfrastructureError):  # `check_ready` reports it
                    pair = [load_dictionary(device), _definition(job, role, device)]
                    asked[find_dispatcher(device.lava)].append((role, number, pair))
    problems: list[Problem] = []
    for installed, questions in asked.items():
        answers = _run_validator(installed, [pair for _, _, pair in questions], job.lava)
        for (role, number, pair), answer in zip(questions, answers["refusals"], strict=True):
            if answer is not None:
                name = boards[role][number].name
                found[role][number].append(_problem(job, role, name, pair, *answer))
        problems += _schema_problems(
            job, {role for role, _, _ in questions}, answers["violations"]
        )
    for reasons in found.values():
        if reasons and all(reasons):
            problems += reasons[0]
        else:
            problems += [replace(p, warning=True) for own in reasons for p in own]
    return list(dict.fromkeys(problems))


def _schema_problems(
    job: Job, roles: set[str], violations: Iterable[Sequence[Any]]
) -> Iterator[Problem]:
    """Yield the problems that LAVA's schema finds in the blocks of `roles`, and around them."""
    actions = as_group(job.lava or {}).get("actions", ())
    for number, key, what, accepted in violations:
        # Reported where a device refuses the block.
        if what in {"unknown action type", "invalid action"}:
            continue
        at, where = Position(job.file), "the job"
        if number is not None:
            ((where, block),) = actions[number].items()
            if roles.isdisjoint(roles_of(block)):
                continue
            at = job.places[number]
        text = {
            "required key not provided": f"{where} needs '{key}'",
            "extra keys not allowed": f"unknown key '{key}' in {where}",
        }.get(what, f"'{key}' in {where}: {what}" if key else f"{where}: {what}")
        lax = accepted or number is None
        yield at.problem(f"{text} (LAVA's schema)", warning=lax)


def _definition(job: Job, role: str, device: Device) -> dict[str, Any]:
    submission = outline_submission(job, device) if job.lava is None else as_group(job.lava)
    return split_by_node(submission, [("1", role)], "group")["1"]


def _problem(
    job: Job, role: str, name: str, pair: list[Any], number: int, reason: str, host: bool
) -> Problem:
    """Return LAVA's refusal of a block, shortened if the dictionary shows the reason."""
    dictionary, definition = pair
    kind, block = next(iter(definition["actions"][number].items()))
    what = " ".join(["deploy to", str(block.get("to"))] if kind == "deploy" else [kind])
    if kind == "boot":
        what = f"boot by {block.get('method')}"
    if "strategies accepted" in reason:  # LAVA lists all strategies that it has tried
        known = ", ".join(methods(dictionary, kind)) or "none"
        reason = f"LAVA has no strategy for it;  {kind} methods in the dictionary: {known}"
    at = next(r.position for r in job.roles if r.name == role)
    if job.lava is not None:
        actions = as_group(job.lava)["actions"]
        at = job.places[[n for n, action in enumerate(actions) if _has_role(action, role)][number]]
    cannot = f"on this host LAVA cannot for {name}" if host else f"LAVA cannot on {name}"
    text = f"{what} of {role}: {cannot}: {reason[:MAX_REASON_CHARS]}"
    return at.problem(text, warning=host)


def _has_role(action: Mapping[str, Any], role: str) -> bool:
    return bool(actions_of({"actions": [action]}, role))


def _run_validator(
    installed: Installed, pairs: list[list[Any]], job: Any = None
) -> dict[str, list[Any]]:
    """Return LAVA's answers; raise `InfrastructureError` if there are none."""
    try:
        done = subprocess.run(
            [installed.python, str(VALIDATOR)],
            input=json.dumps({"pairs": pairs, "submission": job}, default=str),
            env=make_environment(installed.path),
            capture_output=True,
            text=True,
            timeout=VALIDATOR_TIMEOUT_S,
            check=True,
        )
        answers: dict[str, list[Any]] = json.loads(done.stdout.splitlines()[-1])
    except (OSError, subprocess.SubprocessError, ValueError, IndexError) as error:
        raise InfrastructureError(f"LAVA's dispatcher {installed.version}: {error}") from error
    return answers
