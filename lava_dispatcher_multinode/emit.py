"""The type of the function by which components of a run emit events."""

from __future__ import annotations

from typing import Protocol


class Emit(Protocol):
    """Records an event of the run; see docs/reference/events.md."""

    def __call__(self, event: str, /, **fields: object) -> None:
        """Record an event of type `event`."""
