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

from ...errors import InfrastructureError
from ...run_id import RUN_ID_VARIABLE
from ..host_errors import host_failure
from . import cleanup_state
from .cleanup_state import Estate

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ...lab.device_model import Device

END_WAIT = 10.0  # seconds
MOST = 10  # supervisors after the first


class Guard:
    """Starts the supervisor; inside the context, our death does not go unnoticed."""

    def __init__(self) -> None:
        self._estate = Estate(os.getpid(), secrets.token_hex(8))
        self._locks: list[int] = []  # descriptors of our own
        self._lock = threading.Lock()  # what is told last has to be the newest
        self._over = False
        self._watch = threading.Thread(target=self._replace, name="supervisor", daemon=True)

    def __enter__(self) -> Self:
        try:
            self._start()
        except OSError as error:
            reason = host_failure(error) or error
            raise InfrastructureError(
                f"the run's supervisor cannot be started: {reason}"
            ) from None
        os.environ[RUN_ID_VARIABLE] = self._estate.mark
        self._tell()
        self._watch.start()
        return self

    def __exit__(self, *_: object) -> None:
        os.environ.pop(RUN_ID_VARIABLE, None)
        with self._lock, suppress(OSError):  # it is gone already
            self._over = True
            cleanup_state.send(self._ours, None)
        self._watch.join(END_WAIT)
        if self._watch.is_alive():
            self._process.kill()
            self._watch.join()
        self._ours.close()
        for descriptor in self._locks:
            os.close(descriptor)

    def _start(self) -> None:
        self._ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._ours.settimeout(END_WAIT)  # one that was stopped must not stop us
        environ = {name: value for name, value in os.environ.items() if name != RUN_ID_VARIABLE}
        try:
            with theirs:
                self._process = subprocess.Popen(
                    [sys.executable, "-P", "-m", f"{__package__}.supervisor"],
                    stdin=theirs.fileno(),
                    stdout=subprocess.DEVNULL,
                    cwd="/",
                    start_new_session=True,  # a Ctrl-C or a closed terminal is not meant for it
                    env={**environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
                )
        except OSError:
            self._ours.close()
            raise

    def _replace(self) -> None:
        """Start another one if it ends before the run does; somebody short of memory killed it."""
        for _ in range(MOST):
            self._process.wait()
            with self._lock:
                if self._over:
                    return
                self._ours.close()
                try:
                    self._start()
                except OSError as error:
                    _say(f"has ended, and no other can be started: {error}")
                    return
                with suppress(OSError):
                    cleanup_state.send(self._ours, self._estate, *self._locks)
            _say("was killed: another one is there now")
        self._process.wait()

    def keep(self, descriptor: int) -> None:
        """Have the supervisor hold `descriptor`, a lock, for as long as it lives."""
        own = os.dup(descriptor)
        self._locks.append(own)
        self._tell(own)

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

    def spare(self, name: str) -> None:
        """Have the board of this name left as it is: it may be another client's now."""
        with self._lock:
            devices = self._estate.devices
            self._estate.devices = tuple(device for device in devices if device.name != name)
        self._tell()

    def _tell(self, *descriptors: int) -> None:
        # Nodes' threads tell, too.
        with self._lock, suppress(OSError):  # a supervisor that was killed is no reason to stop
            cleanup_state.send(self._ours, self._estate, *descriptors)


def _say(text: str) -> None:
    with suppress(OSError, ValueError):
        sys.stderr.write(f"lava-dispatch: the run's supervisor {text}\n")
