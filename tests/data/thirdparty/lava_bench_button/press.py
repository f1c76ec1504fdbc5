"""The action `press_button`."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar


class PressButton:
    """Logs the button and the node that pressed it."""

    parameters_schema: ClassVar[dict[str, Any]] = {
        "type": "object",
        "required": ["button"],
        "additionalProperties": False,
        "properties": {
            "button": {"type": "string", "description": "The button's name."},
            "log": {"type": "string", "description": "A file to append to."},
        },
    }

    def run(self, node, parameters):
        """Append a line to `log`."""
        if "log" in parameters:
            with Path(parameters["log"]).open("a", encoding="utf-8") as log:
                log.write(f"{node.name} {parameters['button']}\n")
