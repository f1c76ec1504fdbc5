"""Processes that a dead run has left: they carry its mark in their environment."""

from __future__ import annotations

import os
import select
import signal
import time
from contextlib import suppress
from pathlib import Path

from ...run_id import LAVA_SHUTDOWN_GRACE_S, LAVA_SUFFIX, RUN_ID_VARIABLE

PROC = "/proc"
GRACE = 5.0  # seconds from SIGTERM to SIGKILL
LIMIT = 20.0  # seconds for all


def end_marked(mark: str) -> int:
    """End every process with `mark`, and what those start meanwhile; return how many."""
    ended = _round(mark, signal.SIGTERM, GRACE)
    return max(ended, _kill(mark))


def end_lava(mark: str) -> int:
    """Wait for the run's LAVA dispatchers, which have been told to end; end what stays of them.

    They switch their boards off meanwhile; of those that do not end, lava/dispatcher/reaper.py
    does, which takes SIGQUIT for the order to kill. Return how many processes there were.
    """
    found = _round(mark + LAVA_SUFFIX, None, LAVA_SHUTDOWN_GRACE_S)
    _round(mark + LAVA_SUFFIX, signal.SIGQUIT, LAVA_SHUTDOWN_GRACE_S)
    return max(found, _kill(mark + LAVA_SUFFIX))


def _kill(mark: str) -> int:
    most = 0
    until = time.monotonic() + LIMIT
    while (killed := _round(mark, signal.SIGKILL, GRACE)) and time.monotonic() < until:
        most = max(most, killed)
    return most


def _round(mark: str, number: signal.Signals | None, seconds: float) -> int:
    """Signal all there are, and wait until they are gone; return how many there were."""
    found = _find(mark)
    poll = select.poll()
    for descriptor in found:
        if number is not None:
            with suppress(ProcessLookupError, PermissionError):
                signal.pidfd_send_signal(descriptor, number)
        poll.register(descriptor, select.POLLIN)
    until = time.monotonic() + seconds
    left = set(found)
    while left and (wait := until - time.monotonic()) > 0:
        for descriptor, _event in poll.poll(wait * 1000):
            poll.unregister(descriptor)
            left.discard(descriptor)
    for descriptor in found:
        os.close(descriptor)
    return len(found)


def _find(mark: str) -> list[int]:
    """Return a pidfd for each, opened before the look: a number may get another process."""
    wanted = f"{RUN_ID_VARIABLE}={mark}".encode()
    found = []
    try:
        names = [entry.name for entry in Path(PROC).iterdir()]
    except OSError:  # not to be seen here; the boards are to be switched off all the same
        return []
    for name in names:
        if not name.isdigit() or int(name) == os.getpid():
            continue
        with suppress(OSError):  # ended, or somebody else's
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
