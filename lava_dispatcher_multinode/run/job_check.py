"""Checks of a job before a board is touched, beyond its file."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from ..actions.action import CheckContext, calls_of, load_action
from ..errors import InfrastructureError, InvalidJob, Problem
from ..job.build import make_partial_job
from ..job.flow import Script, check_flow, collect_scripts
from ..job.hints import join_words
from ..job.model import Calls
from ..lab.allocation import BoardsMissing, assign, check_capacity, requirements
from ..lava.dispatcher.preflight import check_capabilities, check_ready
from ..overlay.overlay_store import OverlayStore
from ..overlay.syntax import check_script
from .node_hosts import is_driven_here
from .supervisor.scratch import scratch

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from ..job.model import ActionSpec, Job
    from ..job.source import Document
    from ..lab.allocation import Requirement
    from ..lab.device_files import Lab
    from ..lab.device_model import Device
    from ..overlay.load import Definition

_LAVA_CAN = "a device file with 'host: lava' lets LAVA's dispatcher run it"


def check_job(
    job: Job, overlays: OverlayStore, *, remote: bool, lavas: Collection[str] = ()
) -> list[Problem]:
    """Return every error and warning.

    `remote`: the job is about to run; what its definitions need is fetched. `lavas` are the roles
    that LAVA's dispatcher runs: LAVA gets its own jobs unchanged, so files that cannot be read or
    fetched here are no errors.
    """
    context = CheckContext(job, overlays, remote)
    problems: list[Problem] = []
    complete = True
    for spec in job.actions:
        if spec.refused:  # check_hosts reports it
            continue
        lavas_own = job.lava is not None and spec.roles is not None and spec.roles <= set(lavas)
        try:
            found = list(load_action(spec.command).check(spec, context))
            problems += [] if lavas_own else found
        except InvalidJob as error:
            problems += [replace(p, warning=lavas_own or p.warning) for p in error.problems]
            complete = False
        except InfrastructureError as error:
            if not lavas_own:
                raise
            problems.append(spec.position().problem(str(error), warning=True))
            complete = False
    if complete:
        scripts = _scripts(job, context)
        every = (script for some in scripts.values() for script in some)
        files = {script.file: script.text for script in every if script.whole}
        found_in = [
            problem for file, text in files.items() for problem in check_script(file, text)
        ]
        # Roles that run the same definition have the same problems.
        problems += dict.fromkeys([*found_in, *check_flow(job, scripts, calls_of)])
    return problems


def check_partial_job(document: Document) -> list[Problem]:
    """Return the problems of the files that the valid actions of an invalid job name."""
    if not isinstance(document.data, dict):
        return []
    with scratch(None) as directory, suppress(InfrastructureError, InvalidJob):
        job = make_partial_job(document)
        return check_job(job, OverlayStore(directory, job, "check"), remote=False)
    return []


def check_virtual(job: Job) -> list[Problem]:
    """Return a warning for each action that boots a virtual board without an image.

    Virtual boards are created for the job; nothing has been deployed to them before.
    """
    found = []
    for role in job.roles:
        for spec in job.actions_of(role.name):
            action = load_action(spec.command)
            if action.boots:
                text = f"{spec.command} boots a board to which nothing has been deployed"
                hint = "a virtual board starts with an empty card"
                found.append(spec.position().problem(text, hint, warning=True))
            if action.boots or action.deploys:
                break
    return list(dict.fromkeys(found))


def check_own_roles(job: Job, own: AbstractSet[str]) -> list[Problem]:
    """Return the actions that devices driven here cannot run; keys without effect are warnings.

    `own` are the roles with a node on such a device.
    """
    problems = [problem for roles, problem in job.remarks if own & roles]
    for spec in job.actions:
        roles = sorted(own if spec.roles is None else own & spec.roles)
        if spec.refused and roles:
            text = f"{spec.command} of {join_words(roles, 'and')}: {spec.refused}"
            problems.append(
                spec.position(*spec.refused_at).problem(text, "" if spec.wrong else _LAVA_CAN)
            )
        elif roles:
            problems += load_action(spec.command).check_own_board(spec)
    return problems


def check_boards(job: Job, lab: Lab) -> list[Problem]:
    """Return what the job needs and this lab lacks, whether devices are in use or not."""
    try:
        needed = requirements(job)
        check_capacity(lab, needed)
        found = assign(needed, lab.devices)
    except InvalidJob as error:
        return list(error.problems)
    except BoardsMissing as error:
        names = {requirement.role for requirement in error.requirements}
        at = next(role.position for role in job.roles if role.name in names)
        return [at.problem(str(error))]
    own = {need.role for need, device in found.items() if is_driven_here(device)}
    boards_of = {
        need.role: [device for device in lab.devices if need.accepts(device)] for need in needed
    }
    return [
        *check_own_roles(job, own),
        *_unsupported_deploys(job, boards_of),
        *check_capabilities(job, boards_of),
        *_misspelled_types(job, lab, found),
    ]


def _misspelled_types(
    job: Job, lab: Lab, found: Mapping[Requirement, Device]
) -> Iterator[Problem]:
    """Yield a warning for each device that the job names, and whose type is misspelled."""
    places = {role.name: role.position for role in job.roles if role.device}
    for need, device in found.items():
        if need.role in places and lab.misspelled_type(device):
            text = f"{device.name}: {lab.describe_type(device)}"
            yield places[need.role].problem(text, f"correct {device.file}", warning=True)


def check_lava(job: Job, lab: Lab) -> None:
    """Raise an error if this host cannot run LAVA's dispatcher for `job`.

    The job must have passed `check_boards`.
    """
    check_ready(assign(requirements(job), lab.devices).values())


def _unsupported_deploys(job: Job, boards_of: Mapping[str, Sequence[Device]]) -> list[Problem]:
    """Return the deploys that no device of their role supports, as its device file is."""
    found = []
    for role, boards in boards_of.items():
        own = [device for device in boards if is_driven_here(device)]
        for spec in job.actions_of(role):
            if not spec.refused:
                action = load_action(spec.command)
                reasons = [action.unsupported_reason(device, spec.parameters) for device in own]
                if reasons and all(reasons):
                    found.append(spec.position().problem(str(reasons[0])))
    return list(dict.fromkeys(found))


def _scripts(job: Job, context: CheckContext) -> dict[str, Sequence[Script]]:
    """Return the scripts of each role, except roles whose scripts are not all known."""
    found: dict[str, Sequence[Script]] = {}
    for role in job.roles:
        scripts: list[Script] = []
        whole = True
        for spec in job.actions_of(role.name):
            if calls_of(spec) is Calls.TESTS:
                own = context.overlays.definitions(spec, remote=context.run_here)
                whole = whole and (context.run_here or len(own) == _count(spec))
                for definition in own:
                    scripts += _collected(role.name, definition)
        if whole:
            found[role.name] = scripts
    return found


def _collected(role: str, definition: Definition) -> list[Script]:
    test = definition.test
    steps = [
        Script(definition.origin, step, at.file, at.line, at.column)
        for step, at in zip((*test.install_steps, *test.steps), test.places, strict=True)
    ]

    def read(name: str) -> Script | None:
        found = definition.script(name)
        return None if found is None else Script(name, found[1], found[0])

    return collect_scripts(role, steps, read)


def _count(spec: ActionSpec) -> int:
    return sum(
        len(spec.parameters.get(key, ()))
        for key in ("testdef_repos", "testdef_urls", "definitions")
    )
