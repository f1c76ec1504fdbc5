"""What can be known of a job before a board is touched, beyond its file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..actions.overlay import COMMAND
from ..errors import BoardsUnavailable, DeployError, InvalidJob, Problem
from ..images.store import local_path, locate
from ..job import flow
from ..job.flow import Script
from ..job.hints import either
from ..lab.allocation import assign, requirements
from ..lab.enough import check_enough

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

    from ..job.model import ActionSpec, Job
    from ..lab.files import Lab
    from ..overlay.load import Definition
    from ..overlay.store import OverlayStore

_LAVA_CAN = "a device file with 'host: lava' lets LAVA's own dispatcher do it"


def check(job: Job, overlays: OverlayStore, *, remote: bool) -> list[Problem]:
    """Return every error and warning.

    `remote`: the job is about to run, and what its definitions need is fetched.
    """
    problems: list[Problem] = []
    complete = True
    for spec in job.actions:
        if spec.command == COMMAND:
            try:
                overlays.definitions(spec, remote=remote)
            except InvalidJob as error:
                problems += error.problems
                complete = False
        elif spec.command == "deploy_linaro_image":
            problems += _image(spec, job.directory, here=remote)
    if complete:
        # Roles that run the same definition have the same slips.
        problems += dict.fromkeys(flow.check(job, _scripts(job, overlays, remote=remote)))
    return problems


def check_hosts(job: Job, hosts: Mapping[str, Collection[str]]) -> list[Problem]:
    """Return the actions that boards of this package's own are to do, and cannot.

    `hosts` has, for each role, who runs its nodes (`Device.host`).
    """
    own = {role for role, kinds in hosts.items() if "own" in kinds}
    problems = []
    for spec in job.actions:
        roles = sorted(own if spec.roles is None else own & spec.roles)
        at = spec.position()
        if spec.refused and roles:
            text = f"{spec.command} of {either(roles, 'and')}: {spec.refused}"
            problems.append(Problem(at.file, at.line, at.column, text, _LAVA_CAN))
        elif spec.command == "deploy_linaro_kernel" and roles:
            hint = "use deploy_linaro_image with an image that holds the kernel"
            text = "deploying over TFTP is not supported yet"
            problems.append(Problem(at.file, at.line, at.column, text, hint))
    return problems


def check_boards(job: Job, lab: Lab) -> list[Problem]:
    """Return what the job needs and this lab does not have, held or not."""
    try:
        needed = requirements(job)
        check_enough(lab, needed)
        found = assign(needed, lab.devices)
    except InvalidJob as error:
        return list(error.problems)
    except BoardsUnavailable as error:
        needy = getattr(error, "requirements", ())
        names = {requirement.role for requirement in needy} or {job.roles[0].name}
        at = next(role.position for role in job.roles if role.name in names)
        return [Problem(at.file, at.line, at.column, str(error))]
    roles = {role.name: [r for r in needed if r.role == role.name] for role in job.roles}
    return check_hosts(job, {role: [found[r].host for r in own] for role, own in roles.items()})


def _image(spec: ActionSpec, directory: Path, *, here: bool) -> list[Problem]:
    """Return what is wrong with an image of this machine; `here`: the job will run here."""
    at = spec.position("image")
    try:
        path = local_path(locate(spec.parameters["image"], directory))
    except DeployError as error:
        return [Problem(at.file, at.line, at.column, str(error))]
    if path is None or path.is_file():
        return []
    if path.exists():
        return [Problem(at.file, at.line, at.column, f"the image {path} is no file")]
    # Only a warning for --validate: the lab may be on another machine.
    text = f"there is no image {path} on this machine"
    return [Problem(at.file, at.line, at.column, text, warning=not here)]


def _scripts(job: Job, overlays: OverlayStore, *, remote: bool) -> dict[str, Sequence[Script]]:
    """Return what each role runs; a role of which not all is known is left out."""
    found: dict[str, Sequence[Script]] = {}
    for role in job.roles:
        scripts: list[Script] = []
        whole = True
        for spec in job.actions_of(role.name):
            if spec.command == COMMAND:
                own = overlays.definitions(spec, remote=remote)
                whole = whole and (remote or len(own) == _count(spec))
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
        return None if found is None else Script(name, found[1], str(found[0]))

    return flow.collect(role, steps, read)


def _count(spec: ActionSpec) -> int:
    return sum(
        len(spec.parameters.get(key, ()))
        for key in ("testdef_repos", "testdef_urls", "definitions")
    )
