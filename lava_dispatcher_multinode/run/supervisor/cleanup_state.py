"""The cleanup state of a run, and its transfer to the supervisor over a socket."""

from __future__ import annotations

import os
import pickle
import socket
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ...lab.device_model import Device

_STATE, _OVER = b"state", b"over"


@dataclass
class CleanupState:
    """The state of a run that its supervisor cleans up if the dispatcher dies."""

    run_id: str  # the value of RUN_ID_VARIABLE in every process of the run
    scratch: list[Path] = field(default_factory=list)  # directories to remove
    output: Path | None = None  # the run directory, once the run begins
    started: float = 0.0  # time.monotonic() at the start of the run
    devices: Sequence[Device] = ()  # to power off


def send(link: socket.socket, state: CleanupState | None, *locks: int) -> None:
    """Send the present state, and descriptors to hold; None: the run has ended cleanly.

    The state travels as a file in memory: it may exceed the size limit of a message.
    """
    if state is None:
        link.send(_OVER)
        return
    with os.fdopen(os.memfd_create("cleanup-state"), "wb") as file:
        pickle.dump(state, file)
        file.flush()
        socket.send_fds(link, [_STATE], [file.fileno(), *locks])


def wait_for_end(link: socket.socket) -> CleanupState | None:
    """Wait for the dispatcher's end; return the last state, or None after a clean end."""
    state: CleanupState | None = None
    while True:
        try:
            data, descriptors, _flags, _address = socket.recv_fds(link, 64, 16)
        except OSError:
            data = b""
        if not data:
            return state
        if data == _OVER:
            return None
        # The other descriptors are locks: they stay open.
        with os.fdopen(descriptors[0], "rb") as file:
            file.seek(0)
            state = pickle.load(file)  # noqa: S301 - sent by the parent process
