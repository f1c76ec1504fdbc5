"""How LAVA's dispatcher has ended: its kinds of errors as ours."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

from ...errors import Cancelled, InfrastructureError, InvalidJob, TestError, WaitFailed

if TYPE_CHECKING:
    from ...errors import MultinodeError
    from .log import Log


def judge(node: str, log: Log, code: int) -> None:
    """Raise for what lava-run says of its job; its exit code 0 says nothing of the tests."""
    if log.failure is not None:
        raise failure_of(node, *log.failure, validated=log.validated)
    if code or not log.finished:
        how = f"was killed by {_signal(code - 128)}" if code > 128 else f"exited with {code}"
        why = f": {log.last}" if log.last else ""
        raise InfrastructureError(f"LAVA's dispatcher {how} before its job had ended{why}")
    if log.unread is not None:
        raise log.unread
    if log.left_on is not None:
        raise InfrastructureError(f"LAVA has NOT switched the board off: {log.left_on}")


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def failure_of(node: str, kind: str, message: str, *, validated: bool) -> MultinodeError:
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
