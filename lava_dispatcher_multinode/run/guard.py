"""The dispatcher's side of its supervisor: what to put in order if we die.

The supervisor is a process of its own. It is told what there is as it comes to
be, and holds the same locks, so that nobody else gets a board which it has yet
to switch off.
"""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import sys
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Self

from ..errors import InfrastructureError
from ..mark import MARK
from . import estate
from .estate import Estate

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ..lab.device import Device

END_WAIT = 10.0  # seconds


class Guard:
    """Starts the supervisor; inside the context, our death does not go unnoticed."""

    def __init__(self) -> None:
        self._estate = Estate(os.getpid(), secrets.token_hex(8))
        self._process: subprocess.Popen[bytes] | None = None
        self._ours: socket.socket | None = None
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        os.environ.pop(MARK, None)
        try:
            with theirs:
                self._process = subprocess.Popen(
                    [sys.executable, "-P", "-m", f"{__package__}.supervisor"],
                    stdin=theirs.fileno(),
                    stdout=subprocess.DEVNULL,
                    cwd="/",
                    start_new_session=True,  # a Ctrl-C or a closed terminal is not meant for it
                    env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
                )
        except OSError as error:
            ours.close()
            raise InfrastructureError(f"the run's supervisor cannot be started: {error}") from None
        ours.settimeout(END_WAIT)  # one that was stopped must not stop us
        self._ours = ours
        os.environ[MARK] = self._estate.mark
        self._tell()
        return self

    def __exit__(self, *_: object) -> None:
        os.environ.pop(MARK, None)
        assert self._ours is not None
        assert self._process is not None
        with suppress(OSError):  # it is gone already
            estate.send(self._ours, None)
        try:
            self._process.wait(END_WAIT)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._ours.close()

    def keep(self, descriptor: int) -> None:
        """Have the supervisor hold `descriptor`, a lock, for as long as it lives."""
        self._tell(descriptor)

    def remove(self, directory: Path) -> None:
        """Have `directory` removed."""
        self._estate.scratch.append(directory)
        self._tell()

    def switch_off(self, output: Path, started: float, devices: Sequence[Device]) -> None:
        """Have the boards switched off, and the run's end written to its directory."""
        self._estate.output = output.resolve()
        self._estate.started = started
        self._estate.devices = tuple(devices)
        self._tell()

    def _tell(self, *descriptors: int) -> None:
        assert self._ours is not None
        # Nodes' threads tell, too; what is told last has to be the newest.
        with self._lock, suppress(OSError):  # a supervisor that was killed is no reason to stop
            estate.send(self._ours, self._estate, *descriptors)
