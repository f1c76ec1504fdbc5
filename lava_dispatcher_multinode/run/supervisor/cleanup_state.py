"""What a run leaves if it dies, and how its supervisor is told: the two ends of one socket."""

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

_ESTATE, _OVER = b"estate", b"over"


@dataclass
class Estate:
    """What a run leaves if it dies."""

    pid: int
    mark: str
    scratch: list[Path] = field(default_factory=list)  # directories to remove
    output: Path | None = None  # the run's directory, once it has an event log
    started: float = 0.0  # time.monotonic() at the run's start: its clock goes on
    devices: Sequence[Device] = ()  # the boards to switch off


def send(link: socket.socket, estate: Estate | None, *locks: int) -> None:
    """Tell what there is now, with descriptors to hold; None: nothing, the run is over.

    It goes as a file in memory: a message has a limit, which hundreds of boards exceed.
    """
    if estate is None:
        link.send(_OVER)
        return
    with os.fdopen(os.memfd_create("estate"), "wb") as file:
        pickle.dump(estate, file)
        file.flush()
        socket.send_fds(link, [_ESTATE], [file.fileno(), *locks])


def wait_for_end(link: socket.socket) -> Estate | None:
    """Return what a dispatcher that has died leaves; None if it ended as it should."""
    estate: Estate | None = None
    while True:
        try:
            data, descriptors, _flags, _address = socket.recv_fds(link, 64, 16)
        except OSError:
            data = b""
        if not data:
            return estate
        if data == _OVER:
            return None
        # The other descriptors are locks: they stay open.
        with os.fdopen(descriptors[0], "rb") as file:
            file.seek(0)
            estate = pickle.load(file)  # noqa: S301 - our own parent wrote it
