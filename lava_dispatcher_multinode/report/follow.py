"""The events of a run that goes on in another process, as they come; nothing is written."""

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

# A look at a file's end costs microseconds. inotify would save them, but it does not see what
# another machine writes to a shared directory, and there are runs that are watched so.
POLL_INTERVAL_S = 0.2
READ_BYTES = 1 << 20  # bytes that are read at once
MAX_LINE_BYTES = 16 << 20  # bytes of one line; a longer one is no event


def follow_events(directory: Path, stop: threading.Event) -> Iterator[dict[str, Any]]:
    """Yield what has happened and what happens, until the run ends, its process dies, or `stop`.

    InvalidJob when there is no event log, or it is none.
    """
    path = directory / EVENTS
    for _ in read_events(path):  # raises for what is no event log, once and with its line
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
            # Asked before the last look, so that nothing is missed that was written in between.
            if dead or os.fstat(file.fileno()).st_size < file.tell():
                return
            dead = not is_running(directory)
            if not dead and stop.wait(POLL_INTERVAL_S):
                return


def is_running(directory: Path) -> bool:
    """Whether a run has `directory`: it holds a lock on it, which dies with its process."""
    with _opened(directory) as descriptor:
        try:
            # SharedReasons, and for no longer than this: watchers do not disturb each other.
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
    # A damaged line is not worth losing the rest for while one watches.
    return event if isinstance(event, dict) else {"event": ""}
