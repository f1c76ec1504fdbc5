"""The interface of a host that runs nodes, and how a node's end is reported."""

from __future__ import annotations

import sys
import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from ..errors import MultinodeError
from .host_errors import host_failure

if TYPE_CHECKING:
    from ..emit import Emit


class NodeRunner(Protocol):
    """Runs one node: on a device that this package drives, or by LAVA's dispatcher."""

    name: str
    role: str

    def run(self) -> None:
        """Run the node's actions in the calling thread; the device is off afterwards.

        Raise the failure that ended the node, if one did.
        """

    def cancel(self, reason: str) -> None:
        """End `run` soon; called from another thread, at any time."""


@dataclass(frozen=True)
class Ending:
    """How a node ended; `status` is pass, fail (the test failed) or error."""

    status: str
    error_type: str | None = None
    error: str | None = None


def run_to_end(runner: NodeRunner, emit: Emit) -> Ending:
    """Run the node to its end, record the event `node_finished`, and return the ending."""
    ending = _run(runner, emit)
    emit(
        "node_finished",
        node=runner.name,
        status=ending.status,
        error_type=ending.error_type,
        error=ending.error,
    )
    return ending


def _run(runner: NodeRunner, emit: Emit) -> Ending:
    try:
        runner.run()
    except MultinodeError as error:
        return Ending(status_of_error(error), error.error_type, str(error))
    except BaseException as error:  # noqa: BLE001 - SystemExit of a plug-in, too
        if (host := host_failure(error)) is not None:
            return Ending("error", host.error_type, f"{runner.name}: {host}")
        emit("log", node=runner.name, level="CRITICAL", text=traceback.format_exc())
        where = traceback.extract_tb(sys.exc_info()[2])[-1]
        text = f"{type(error).__name__}: {error} ({where.filename}:{where.lineno})"
        return Ending("error", "bug", text)
    return Ending("pass")


def status_of_error(error: BaseException) -> str:
    """Return the status of a node or an action that `error` ended."""
    return error.status if isinstance(error, MultinodeError) else "error"
