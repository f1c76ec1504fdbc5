"""`boot_linaro_image`: boot what was deployed, to a root shell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .context import Node


class BootLinaroImage:
    """Power-cycle the board and boot it."""

    parameters_schema: ClassVar[Mapping[str, Any]] = {
        "type": "object",
        "additionalProperties": False,
        "properties": {},
    }

    def run(self, node: Node, parameters: Mapping[str, Any]) -> None:
        """Boot the node's board."""
        del parameters
        node.board.boot(node.deadline)
        node.booted = True
