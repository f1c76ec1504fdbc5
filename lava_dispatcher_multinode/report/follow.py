"""Follows the events of a run in another process, read-only."""

from __future__ import annotations

import fcntl
import json
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from .files import EVENTS, read_events

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator
    from pathlib import Path

# Checking the end of a file takes microseconds. inotify would save them, but it misses writes
# by another machine to a shared directory.
POLL_INTERVAL_S = 0.2
READ_BYTES = 1 << 20
MAX_LINE_BYTES = 16 << 20  # a longer line is no event


def follow_events(directory: Path, stop: threading.Event) -> Iterator[dict[str, Any]]:
    """Yield past and new events until the run ends, its process dies, or `stop` is set.

    Raises InvalidJob if there is no event log, or the file is not one.
    """
    path = directory / EVENTS
    for _ in read_events(path):  # raises for a file that is no event log, with the line
        break
    with open(path, "rb") as file:
        rest = b""
        dead = False
        while True:
            piece = file.read(READ_BYTES)
            if piece:
                *lines, rest = (rest + piece).split(b"\n")
                for line in lines:
                    event = _event(line)
                    yield event
                    if event.get("event") == "job_finished":
                        return
                rest = rest if len(rest) < MAX_LINE_BYTES else b""
                continue
            # Checked before the last read, so that nothing written in between is missed.
            if dead or os.fstat(file.fileno()).st_size < file.tell():
                return
            dead = not is_running(directory)
            if not dead and stop.wait(POLL_INTERVAL_S):
                return


def is_running(directory: Path) -> bool:
    """Return whether a run uses `directory`: its process holds a lock on it."""
    with _opened(directory) as descriptor:
        try:
            # Shared and released at once: watchers do not block each other.
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return True
        return False


@contextmanager
def _opened(directory: Path) -> Iterator[int]:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _event(line: bytes) -> dict[str, Any]:
    try:
        event = json.loads(line)
    except (ValueError, RecursionError):
        event = None
    # A damaged line does not end the display.
    return event if isinstance(event, dict) else {"event": ""}
