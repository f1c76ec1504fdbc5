"""`boot_linaro_image`: boot what was deployed, to a root shell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from ..job.model import Calls
from .action import Action

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..job.model import ActionSpec
    from .action import LavaWriter
    from .context import Node


class BootLinaroImage(Action):
    """Power-cycle the board and boot it."""

    parameters_schema: ClassVar[Mapping[str, Any]] = {
        "type": "object",
        "additionalProperties": False,
        "properties": {},
    }
    boots = True
    deploys = False
    calls = Calls.NONE

    def run(self, node: Node, parameters: Mapping[str, Any]) -> None:
        """Boot the node's board."""
        del parameters
        node.board.boot(node.deadline)
        node.booted = True

    def export(self, spec: ActionSpec, writer: LavaWriter) -> None:
        """Write a boot block."""
        writer.boot(spec)
