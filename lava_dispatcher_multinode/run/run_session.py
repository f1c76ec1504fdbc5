"""The composition root of a run: from a job file to a checked job on boards that are held.

`lava-dispatch` and the Python API begin here. The order is fixed: the supervisor exists before
anything that it may have to clean up, and a board is held before the job is checked against it.
"""

from __future__ import annotations

import secrets
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..boards.driver import load_boot_loader
from ..boards.standard_board import load_driver
from ..errors import InvalidJob
from ..job.source import load
from ..lab.virtual import describe_stand_ins
from ..lava.dispatcher.preflight import check_ready
from ..overlay.overlay_store import OverlayStore
from .board_selection import hold_boards, virtual_devices
from .job import PreparedRun
from .job_check import (
    check_boards,
    check_job,
    check_lava,
    check_own_roles,
    check_partial_job,
    check_virtual,
)
from .node_hosts import is_driven_here
from .output import output_directory
from .supervisor.scratch import scratch
from .supervisor.supervisor import Supervisor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from ..errors import Problem
    from ..job.model import Job
    from .board_selection import Assignment, BoardSelection


@dataclass(frozen=True)
class LoadedJob:
    """A parsed job file, and where its boards come from."""

    job: Job
    data: object  # the document as it was read
    selection: BoardSelection
    job_id: str
    warnings: Sequence[Problem]


def load_job(
    file: str,
    selection: BoardSelection,
    *,
    target: str | None = None,
    job_id: str | None = None,
) -> LoadedJob:
    """Read and parse a job file ("-": standard input).

    `target` names the device of a single-board job; `job_id` is random by default. Raise
    `InvalidJob` with every error, also of the files that the valid actions name.
    """
    document = load(file)
    try:
        job, warnings = selection.parse(document, target)
    except InvalidJob as error:
        raise InvalidJob(sorted({*error.problems, *check_partial_job(document)})) from error
    return LoadedJob(job, document.data, selection, job_id or secrets.token_hex(4), warnings)


def validate_job(loaded: LoadedJob) -> list[Problem]:
    """Return the warnings; raise `InvalidJob` with every error.

    Nothing is downloaded, and no board is touched.
    """
    job, lab = loaded.job, loaded.selection.lab
    with scratch(None) as directory:
        overlays = OverlayStore(directory, job, loaded.job_id)
        problems = [*loaded.warnings, *check_job(job, overlays, remote=False)]
    if lab is None:
        try:
            virtual_devices(job, loaded.selection)
        except InvalidJob as error:
            problems += error.problems
        problems += check_own_roles(job, {role.name for role in job.roles})
        problems += _virtual_warnings(loaded)
    else:
        problems += check_boards(job, lab)
    _raise_errors(problems)
    if lab is not None:
        check_lava(job, lab)
    return sorted(problems)


@contextmanager
def prepare_run(
    loaded: LoadedJob,
    *,
    output: Path | None = None,
    unconfined: bool = False,
    on_wait: Callable[[str], None] = lambda _: None,
    on_warnings: Callable[[Sequence[Problem]], None] = lambda _: None,
    consoles_needed: bool = False,
) -> Iterator[PreparedRun]:
    """Hold the job's boards, check the job, and yield what `run_job` needs.

    The boards are held and the scratch files exist for as long as the context lasts. `output`
    is the run directory (default: a new one in lava-runs). `on_wait` gets a message for each
    wait for busy boards. `consoles_needed`: refuse boards whose console LAVA's dispatcher has.
    Raise `InvalidJob`, `BoardsUnavailable`, or what prevents LAVA's dispatcher from running.
    """
    job = loaded.job
    with ExitStack() as stack:
        supervisor = stack.enter_context(Supervisor())
        overlays = OverlayStore(stack.enter_context(scratch(supervisor)), job, loaded.job_id)
        members = stack.enter_context(hold_boards(job, loaded.selection, supervisor, on_wait))
        if consoles_needed:
            _refuse_lava(job, members)
        problems = _check_on_boards(job, overlays, members)
        if loaded.selection.is_virtual:
            problems += _virtual_warnings(loaded)
        on_warnings([*loaded.warnings, *problems])
        directory = stack.enter_context(
            output_directory(output, job.name, loaded.data, locked=supervisor.hold_lock)
        )
        yield PreparedRun(job, members, overlays, directory, loaded.job_id, unconfined, supervisor)


def _virtual_warnings(loaded: LoadedJob) -> list[Problem]:
    selection = loaded.selection
    notes = describe_stand_ins(loaded.job, selection.config_dir) if selection.simulate else []
    return [*check_virtual(loaded.job), *notes]


def _check_on_boards(
    job: Job, overlays: OverlayStore, members: Sequence[Assignment]
) -> list[Problem]:
    """Return the warnings of the job on these boards; raise its errors."""
    own = {member.role for member in members if is_driven_here(member.device)}
    lavas = {member.role for member in members} - own
    problems = [*check_job(job, overlays, remote=True, lavas=lavas), *check_own_roles(job, own)]
    _raise_errors(problems)
    for device in (member.device for member in members if is_driven_here(member.device)):
        load_driver(device.device_type)  # a plug-in may lack members
        load_boot_loader(device.bootloader)
    check_ready(member.device for member in members)
    return problems


def _refuse_lava(job: Job, members: Sequence[Assignment]) -> None:
    """Raise `InvalidJob` for each board that LAVA's dispatcher would run."""
    problems = []
    for member in members:
        if not is_driven_here(member.device):
            at = next(role.position for role in job.roles if role.name == member.role)
            text = f"{member.device.name} has 'host: lava': LAVA's dispatcher has its console"
            problems.append(at.problem(text, "run its tests in a job, with lava-dispatch"))
    if problems:
        raise InvalidJob(problems)


def _raise_errors(problems: Sequence[Problem]) -> None:
    if any(not problem.warning for problem in problems):
        raise InvalidJob(sorted(problems))
