"""The dispatcher's handle to its supervisor, a process that cleans up if the dispatcher dies.

The dispatcher reports every resource as it creates it. The supervisor also holds the boards'
locks, so that no other run gets a board that is not powered off yet.
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
from .cleanup_state import CleanupState

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ...lab.device_model import Device

STOP_TIMEOUT_S = 10.0
MAX_RESTARTS = 10


class Supervisor:
    """Runs the supervisor process inside its context; methods may be called from any thread."""

    def __init__(self) -> None:
        self._state = CleanupState(secrets.token_hex(8))
        self._locks: list[int] = []  # our duplicates of the descriptors
        self._lock = threading.Lock()  # keeps the states in order
        self._over = False
        self._restarter = threading.Thread(target=self._restart, name="supervisor", daemon=True)

    def __enter__(self) -> Self:
        try:
            self._start()
        except OSError as error:
            reason = host_failure(error) or error
            raise InfrastructureError(
                f"the run's supervisor cannot be started: {reason}"
            ) from None
        os.environ[RUN_ID_VARIABLE] = self._state.run_id
        self._send()
        self._restarter.start()
        return self

    def __exit__(self, *_: object) -> None:
        os.environ.pop(RUN_ID_VARIABLE, None)
        with self._lock, suppress(OSError):  # the process has exited
            self._over = True
            cleanup_state.send(self._link, None)
        self._restarter.join(STOP_TIMEOUT_S)
        if self._restarter.is_alive():
            self._process.kill()
            self._restarter.join()
        self._link.close()
        for descriptor in self._locks:
            os.close(descriptor)

    def _start(self) -> None:
        self._link, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._link.settimeout(STOP_TIMEOUT_S)  # a stopped process must not block the run
        environ = {name: value for name, value in os.environ.items() if name != RUN_ID_VARIABLE}
        try:
            with theirs:
                self._process = subprocess.Popen(
                    [sys.executable, "-P", "-m", f"{__package__}.cleanup"],
                    stdin=theirs.fileno(),
                    stdout=subprocess.DEVNULL,
                    cwd="/",
                    start_new_session=True,  # out of reach of Ctrl-C and a closed terminal
                    env={**environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
                )
        except OSError:
            self._link.close()
            raise

    def _restart(self) -> None:
        """Replace the process if it ends before the run, killed for its memory, say."""
        for _ in range(MAX_RESTARTS):
            self._process.wait()
            with self._lock:
                if self._over:
                    return
                self._link.close()
                try:
                    self._start()
                except OSError as error:
                    _say(f"was killed and cannot be restarted: {error}")
                    return
                with suppress(OSError):
                    cleanup_state.send(self._link, self._state, *self._locks)
            _say("was killed and has been restarted")
        self._process.wait()

    def hold_lock(self, descriptor: int) -> None:
        """Make the supervisor hold `descriptor`, a lock, for as long as it lives."""
        own = os.dup(descriptor)
        self._locks.append(own)
        self._send(own)

    def add_scratch(self, directory: Path) -> None:
        """Report a directory to remove."""
        self._state.scratch.append(directory)
        self._send()

    def add_run(self, output: Path, started: float, devices: Sequence[Device]) -> None:
        """Report the run directory, whose results need an end, and the devices to power off.

        `started` is time.monotonic() at the start of the run.
        """
        self._state.output = output.resolve()
        self._state.started = started
        self._state.devices = tuple(devices)
        self._send()

    def release_device(self, name: str) -> None:
        """Leave the power of a device as it is: another client may use it now."""
        with self._lock:
            devices = self._state.devices
            self._state.devices = tuple(device for device in devices if device.name != name)
        self._send()

    def _send(self, *descriptors: int) -> None:
        with self._lock, suppress(OSError):  # the run continues without a supervisor
            cleanup_state.send(self._link, self._state, *descriptors)


def _say(text: str) -> None:
    with suppress(OSError, ValueError):
        sys.stderr.write(f"lava-dispatch: the run's supervisor {text}\n")
