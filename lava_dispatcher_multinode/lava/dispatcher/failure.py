"""LAVA's kinds of errors as this package's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...errors import Cancelled, InfrastructureError, InvalidJob, TestError, WaitFailed

if TYPE_CHECKING:
    from ...errors import MultinodeError


def convert_failure(node: str, kind: str, message: str, *, validated: bool) -> MultinodeError:
    """Return the failure of a job of LAVA's: `kind` is its `error_type`.

    `validated`: it got as far as touching the board.
    """
    text = f"LAVA: {message}"
    if kind == "Test":
        return TestError(text)
    if kind == "MultinodeTimeout":
        return WaitFailed(text)
    if kind == "Canceled":
        return Cancelled(text)
    if kind in {"Job", "Configuration"} and not validated:
        hint = "LAVA has refused it before it touched the board"
        return InvalidJob.about(node, text, hint)
    # A JobError on the way is a board that did not do as the job expects; LAVA's own
    # bugs are the host's trouble, not ours.
    return InfrastructureError(text if kind == "Infrastructure" else f"{text} ({kind})")
