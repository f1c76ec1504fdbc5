"""LAVA's error types as exceptions of this package."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import Cancelled, InfrastructureError, InvalidJob, TestError, WaitFailed

if TYPE_CHECKING:
    from ..errors import MultinodeError


def convert_failure(node: str, kind: str, message: str, *, validated: bool) -> MultinodeError:
    """Return the failure of a LAVA job whose `error_type` is `kind`.

    `validated`: the job got as far as using the device.
    """
    text = f"LAVA: {message}"
    if kind == "Test":
        return TestError(text)
    if kind == "MultinodeTimeout":
        return WaitFailed(text)
    if kind == "Canceled":
        return Cancelled(text)
    if kind in {"Job", "Configuration"} and not validated:
        hint = "LAVA refused the job before using the board"
        return InvalidJob.about(node, text, hint)
    # A JobError after validation means that the device did not do what the job expects. A bug of
    # LAVA is an infrastructure error, too.
    return InfrastructureError(text if kind == "Infrastructure" else f"{text} ({kind})")
