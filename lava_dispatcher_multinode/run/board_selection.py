"""The boards of a job: virtual ones, or boards of the lab that are held for it."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from ..errors import Problem
    from ..job.model import Job
    from ..job.source import Document
    from ..lab.device_files import Lab
    from ..lab.device_model import Device
    from .supervisor.supervisor import Supervisor


@dataclass(frozen=True)
class Assignment:
    """A device of the job, and its role."""

    role: str
    device: Device


@dataclass(frozen=True)
class BoardSelection:
    """The source of a job's boards; `wait` is the time for busy boards in seconds."""

    simulate: bool = False
    emulate: bool = False
    config_dir: Path | None = None
    wait: float = 0.0

    @property
    def is_virtual(self) -> bool:
        """Return True for simulated and emulated boards."""
        return self.simulate or self.emulate

    @cached_property
    def lab(self) -> Lab | None:
        """The lab, read once; None for virtual boards."""
        from ..lab.device_files import load_lab

        return None if self.is_virtual else load_lab(self.config_dir)

    def parse(self, document: Document, target: str | None = None) -> tuple[Job, list[Problem]]:
        """Return the job and its warnings. The job may use the device types of the lab.

        `target` as in `job.parse.parse`.
        """
        from ..job.parse import parse_job
        from ..lab.virtual import virtual_types

        types = virtual_types(self.config_dir) if self.lab is None else self.lab.device_types
        return parse_job(replace(document, device_types=types), target)


def virtual_devices(job: Job, selection: BoardSelection) -> list[Device]:
    """Return a simulated or emulated device for each node of `job`."""
    from ..lab.virtual import EMULATED, SIMULATED, make_devices

    layer = SIMULATED if selection.simulate else EMULATED
    return make_devices(job, layer, selection.config_dir)


@contextmanager
def hold_boards(
    job: Job, selection: BoardSelection, supervisor: Supervisor, on_wait: Callable[[str], None]
) -> Iterator[list[Assignment]]:
    """Yield the job's boards, held for as long as the context lasts.

    `on_wait` gets a message for each wait for busy boards. Raise `BoardsUnavailable` or
    `InvalidJob`.
    """
    if selection.lab is None:
        roles = [role.name for role in job.roles for _ in range(role.count)]
        devices = virtual_devices(job, selection)
        yield [Assignment(role, device) for role, device in zip(roles, devices, strict=True)]
        return
    from ..lab.allocation import requirements
    from ..lab.locks import hold

    needed = requirements(job)
    with hold(
        selection.lab,
        needed,
        job.name,
        selection.wait,
        waiting=on_wait,
        locked=supervisor.hold_lock,
    ) as held:
        yield [Assignment(requirement.role, held[requirement]) for requirement in needed]
