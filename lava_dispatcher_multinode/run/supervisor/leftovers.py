"""Processes that a dead run has left: RUN_ID_VARIABLE in their environment identifies them."""

from __future__ import annotations

import os
import select
import signal
import time
from contextlib import suppress
from pathlib import Path

from ...run_id import LAVA_SHUTDOWN_GRACE_S, LAVA_SUFFIX, RUN_ID_VARIABLE

PROC = "/proc"
KILL_GRACE_S = 5.0  # from SIGTERM to SIGKILL
KILL_TIMEOUT_S = 20.0  # for repeated SIGKILL


def end_processes(run_id: str) -> int:
    """End every process of the run, also those started meanwhile; return their number."""
    ended = _signal_all(run_id, signal.SIGTERM, KILL_GRACE_S)
    return max(ended, _kill(run_id))


def end_lava(run_id: str) -> int:
    """Wait for the run's LAVA dispatchers, which the kernel has signalled; kill those that stay.

    They power their devices off meanwhile. SIGQUIT makes lava/dispatcher/reaper.py kill a
    dispatcher and power its device off. Return the number of processes.
    """
    lava_id = run_id + LAVA_SUFFIX
    found = _signal_all(lava_id, None, LAVA_SHUTDOWN_GRACE_S)
    _signal_all(lava_id, signal.SIGQUIT, LAVA_SHUTDOWN_GRACE_S)
    return max(found, _kill(lava_id))


def _kill(run_id: str) -> int:
    most = 0
    until = time.monotonic() + KILL_TIMEOUT_S
    while (
        killed := _signal_all(run_id, signal.SIGKILL, KILL_GRACE_S)
    ) and time.monotonic() < until:
        most = max(most, killed)
    return most


def _signal_all(run_id: str, number: signal.Signals | None, timeout_s: float) -> int:
    """Send `number` to each process and wait for their end; return the number of processes."""
    found = _find(run_id)
    poll = select.poll()
    for descriptor in found:
        if number is not None:
            with suppress(ProcessLookupError, PermissionError):
                signal.pidfd_send_signal(descriptor, number)
        poll.register(descriptor, select.POLLIN)
    until = time.monotonic() + timeout_s
    left = set(found)
    while left and (wait := until - time.monotonic()) > 0:
        for descriptor, _event in poll.poll(wait * 1000):
            poll.unregister(descriptor)
            left.discard(descriptor)
    for descriptor in found:
        os.close(descriptor)
    return len(found)


def _find(run_id: str) -> list[int]:
    """Return a pidfd for each process, opened before the check: a PID may be reused."""
    wanted = f"{RUN_ID_VARIABLE}={run_id}".encode()
    found = []
    try:
        names = [entry.name for entry in Path(PROC).iterdir()]
    except OSError:  # no /proc: the devices are still powered off
        return []
    for name in names:
        if not name.isdigit() or int(name) == os.getpid():
            continue
        with suppress(OSError):  # ended, or another user's
            descriptor = os.pidfd_open(int(name))
            if wanted in _environment(name):
                found.append(descriptor)
            else:
                os.close(descriptor)
    return found


def _environment(pid: str) -> list[bytes]:
    with suppress(OSError), open(f"{PROC}/{pid}/environ", "rb") as file:
        return file.read(1 << 21).split(b"\0")
    return []
