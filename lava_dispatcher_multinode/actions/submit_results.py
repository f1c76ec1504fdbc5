"""`submit_results`: accepted for old jobs, ignored with a warning."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from ..job.model import Calls
from .action import Action

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..job.model import ActionSpec
    from .action import LavaWriter
    from .context import Node


class SubmitResults(Action):
    """Warns that results are not sent anywhere."""

    parameters_schema: ClassVar[Mapping[str, Any]] = {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "server": {"type": "string", "description": "Ignored."},
            "stream": {"type": "string", "description": "Ignored."},
            "token": {"type": "string", "description": "Ignored."},
            "result_disk": {"type": "string", "description": "Ignored."},
        },
    }
    deploys = False
    calls = Calls.NONE

    def run(self, node: Node, parameters: Mapping[str, Any]) -> None:
        """Log where the results are."""
        del parameters  # the server's address may hold a password
        node.log(
            "WARNING",
            "submit_results: the dashboard of 2013 is not supported, nothing is sent; the "
            "results are in the output directory",
        )

    def export(self, spec: ActionSpec, writer: LavaWriter) -> None:
        """Leave the action out, with a remark."""
        writer.remark(f"{spec.command}: left out; LAVA's server keeps the results")
