"""The part that the deploy actions share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from ..boards.deploy.support import unsupported_reason
from ..errors import DeployError
from ..images.store import local_path, locate
from ..job.model import Calls
from .action import Action

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ..errors import Problem
    from ..job.model import ActionSpec
    from ..lab.device_model import Device
    from .action import CheckContext, LavaWriter
    from .context import Node


class DeployAction(Action):
    """Deploys files that a job names, unless the device keeps what is on it."""

    calls = Calls.NONE
    #: A key of `boards.deploy.support.METHODS`.
    kind: ClassVar[str]
    #: The parameters that name files.
    files: ClassVar[tuple[str, ...]]
    #: True if some boards also take directories.
    directories: ClassVar[bool] = False

    def deploy(self, node: Node, parameters: Mapping[str, Any]) -> None:
        """Deploy the files to the node's board."""

    def run(self, node: Node, parameters: Mapping[str, Any]) -> None:
        """Deploy the files if the device's `deploy.method` allows it."""
        if node.board.device.deploy.method == "none":
            node.log("INFO", "deploy.method is none: the board keeps what is on it")
            return
        if reason := self.unsupported_reason(node.board.device, parameters):
            raise DeployError(reason)
        self.deploy(node, parameters)

    def check(self, spec: ActionSpec, context: CheckContext) -> Iterator[Problem]:
        """Yield the problems of the files; URLs are not fetched.

        A missing file is only a warning if the job is not about to run here: the lab may be on
        another machine.
        """
        for name in self.files:
            if name not in spec.parameters:
                continue
            at = spec.position(name)
            try:
                path = local_path(locate(spec.parameters[name], context.job.directory))
            except DeployError as error:
                yield at.problem(str(error))
                continue
            if path is None or path.is_file() or (self.directories and path.is_dir()):
                continue
            if path.exists():
                yield at.problem(f"not a regular file ({name}): {path}")
            else:
                text = f"no such {name} on this machine: {path}"
                yield at.problem(text, warning=not context.run_here)

    def unsupported_reason(self, device: Device, parameters: Mapping[str, Any]) -> str | None:
        """Return why the device's `deploy.method` cannot deploy the files; None if it can."""
        del parameters
        return unsupported_reason(device, self.kind)

    def export(self, spec: ActionSpec, writer: LavaWriter) -> None:
        """Write a deploy block."""
        writer.deploy(spec, self.kind)
