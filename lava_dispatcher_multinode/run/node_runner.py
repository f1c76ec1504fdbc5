"""The interface of a host that runs nodes, and how a node's end is reported."""

from __future__ import annotations

import sys
import traceback
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


def run_to_end(runner: NodeRunner, emit: Emit) -> str | None:
    """Run the node to its end, and record the event `node_finished`.

    Return the failure that ended the node; None if it passed.
    """
    status, kind, text = "pass", None, None
    try:
        runner.run()
    except MultinodeError as error:
        status, kind, text = error.status, error.error_type, str(error)
    except BaseException as error:  # noqa: BLE001 - SystemExit of a plug-in, too
        status = "error"
        if (host := host_failure(error)) is not None:
            kind, text = host.error_type, f"{runner.name}: {host}"
        else:
            emit("log", node=runner.name, level="CRITICAL", text=traceback.format_exc())
            where = traceback.extract_tb(sys.exc_info()[2])[-1]
            kind = "bug"
            text = f"{type(error).__name__}: {error} ({where.filename}:{where.lineno})"
    emit("node_finished", node=runner.name, status=status, error_type=kind, error=text)
    return None if status == "pass" else text or "failed"
