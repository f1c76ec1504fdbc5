"""The definitions of a job for LAVA's dispatcher, one per node."""

from __future__ import annotations

import secrets
import uuid
from typing import TYPE_CHECKING, Any

from ..jobs.submission import as_group, split_by_node
from .installed import find_dispatcher

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from ...job.model import Job
    from ...lab.device_model import Device
    from .installed import Installed


class LavaJob:
    """The part of a job that its nodes under LAVA's dispatcher share.

    `nodes` are the names and roles of all nodes of the job. `ids` maps each name to a number, by
    which LAVA knows a job. `on_leftover` is called with each directory that remains if all
    processes of the run are killed.
    """

    def __init__(
        self,
        job: Job,
        nodes: Sequence[tuple[str, str]],
        directory: Path,
        on_leftover: Callable[[Path], None],
    ) -> None:
        self.job = job
        self.on_leftover = on_leftover
        self.directory = directory
        base = 100_000_000 + secrets.randbelow(800_000_000)
        self.ids = {name: str(base + number) for number, (name, _) in enumerate(nodes)}
        self._nodes = nodes

    def definition(self, device: Device) -> dict[str, Any]:
        """Return the definition for the node on `device`; raise if LAVA cannot express it."""
        submission: Mapping[str, Any] | None = self.job.lava
        if submission is None:
            from ..export.translate import submission_for

            submission = submission_for(self.job, device, self.directory)
        submission = as_group(submission)
        nodes = [(self.ids[name], role) for name, role in self._nodes]
        # The real group has a secret name, which must not appear in a log.
        return split_by_node(submission, nodes, str(uuid.uuid4()))[self.ids[device.name]]

    @staticmethod
    def installed(device: Device) -> Installed:
        """Return the dispatcher for `device`; raise `InfrastructureError` if there is none."""
        return find_dispatcher(device.lava)
