"""What happens in a run, in order: one JSON line per event, and whoever listens.

The log is the only road out of a run. Results, reports and the terminal are all
made from it, so that a run that was killed can still be reported on.
"""

from __future__ import annotations

import json
import math
import os
import sys
import threading
import time
from collections import Counter, deque
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from io import FileIO
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    Event = dict[str, Any]
    Subscriber = Callable[[Event], None]


#: `log` events of one node and level: what a board prints can make any number of them.
MAX_REMARKS = 10_000
#: Fields that are times or lengths of time: they are told to the microsecond, as `t` is.
TIMES = ("asked", "end", "seconds", "start")


def clock_from_now() -> Callable[[], float]:
    """Return a clock that counts seconds from this call; one is shared by a whole run."""
    return clock_since(time.monotonic())


def clock_since(start: float) -> Callable[[], float]:
    """Return a clock that counts seconds from `start`, a time of time.monotonic()."""
    return lambda: time.monotonic() - start


def time_of_day() -> str:
    """Return the date and time as events have them: ISO 8601, UTC, to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


_to_json = json.JSONEncoder(allow_nan=False, separators=(",", ":")).encode


class EventLog:
    """Numbers events in time, writes them to `path` and hands them to subscribers.

    `clock` returns seconds since the run's start. Thread-safe: file, times and
    every subscriber see the events in one and the same order, and subscribers
    are called one at a time, so that they need no locks against each other.
    """

    def __init__(
        self, path: Path | None, clock: Callable[[], float], *, append: bool = False
    ) -> None:
        self.failure: OSError | None = None  # why the file is not whole
        self._clock = clock
        self._remarks: Counter[tuple[str, str]] = Counter()
        # Unbuffered: what has happened is in the file, even if we are killed.
        self._file = None if path is None else FileIO(path, "a" if append else "w")
        self._subscribers: list[Subscriber] = []
        self._complained: set[object] = set()
        self._pending: deque[Event] = deque()
        self._delivering = False
        self._closed = False
        self._lock = threading.RLock()

    def subscribe(self, callback: Subscriber) -> None:
        """Call `callback(event)` for every event from now on, in the emitter's thread.

        It gets the event as the file has it. Its exceptions do not stop the
        run: the first one is told on stderr.
        """
        with self._lock:
            self._subscribers.append(callback)

    def emit(self, event: str, /, **fields: Any) -> None:
        """Record that `event` happened now; nothing after `close`. Never raises for I/O.

        Of a node's `log` events the first `MAX_REMARKS` of a level are recorded, and that
        there were more.
        """
        plain = {name: _plain(value) for name, value in fields.items()}
        for name in TIMES:
            if isinstance(seconds := plain.get(name), float):
                plain[name] = round(seconds, 6)
        if isinstance(level := plain.get("level"), str):  # a plug-in may have its own form
            plain["level"] = level.upper()
        with self._lock:
            if self._closed or (event == "log" and not self._room(plain)):
                return
            head = {"t": round(self._clock(), 6), "event": event}
            self._pending.append(head | plain | head)  # first in the line, and last to speak
            # True only for an event that a subscriber emits: its turn comes
            # when everybody has had the present one.
            if not self._delivering:
                self._deliver_all()

    def close(self) -> None:
        """End the log; events emitted later are dropped."""
        with self._lock:
            self._closed = True
            if self._file is not None:
                self._file.close()
                self._file = None

    def __enter__(self) -> EventLog:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _room(self, remark: dict[str, Any]) -> bool:
        """Whether there is room for one more; for the first that finds none, to say so."""
        key = (str(remark.get("node")), str(remark.get("level")))
        self._remarks[key] += 1
        if self._remarks[key] == MAX_REMARKS + 1:
            remark["text"] = f"{MAX_REMARKS} such remarks are recorded, and no more"
        return self._remarks[key] <= MAX_REMARKS + 1

    def _deliver_all(self) -> None:
        self._delivering = True
        try:
            while self._pending:
                self._deliver(self._pending.popleft())
        finally:
            self._delivering = False

    def _deliver(self, event: Event) -> None:
        if self._file is not None:
            try:
                _write_whole(self._file, encode(event))
            except OSError as error:
                # A torn line must be the last one, or the log could not be read.
                self.failure = error
                self._file.close()
                self._file = None
                _complain(f"the event log is not written any more: {error}")
        for subscriber in tuple(self._subscribers):
            try:
                subscriber(event)
            except Exception as error:  # noqa: BLE001 - a listener's trouble is not the run's
                if subscriber not in self._complained:
                    self._complained.add(subscriber)
                    reason = str(error) if isinstance(error, OSError) else repr(error)
                    _complain(f"what listens to the run failed at '{event['event']}': {reason}")


def mend(path: Path) -> None:
    """Take away the torn last line that a killed writer left; OSError if that cannot be."""
    with open(path, "r+b") as file:
        end = size = file.seek(0, os.SEEK_END)
        while end:
            start = max(0, end - 65536)
            file.seek(start)
            newline = file.read(end - start).rfind(b"\n")
            end = start + newline + 1
            if newline >= 0:
                break
        if end < size:
            file.truncate(end)


def encode(event: Mapping[str, Any]) -> bytes:
    """Return the event's line. ASCII: a terminal that shows it obeys nothing in it."""
    return _to_json(event).encode("ascii") + b"\n"


def _write_whole(file: FileIO, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[file.write(view) :]


def _plain(value: Any) -> Any:
    """Return `value` as JSON can hold it, so that listeners and readers see the same."""
    if value is None or isinstance(value, bool):
        return value
    # int() and str() also take the enum off a member.
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, bytes | bytearray):
        return value.decode("utf-8", "backslashreplace")
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, set | frozenset):
        return sorted(_strings(value))
    return str(value)


def _strings(values: Iterable[object]) -> list[str]:
    return [str(value) for value in values]


def _complain(text: str) -> None:
    with suppress(OSError, ValueError):  # a closed stderr: nobody is left to be told
        sys.stderr.write(f"lava-dispatch: {text}\n")
