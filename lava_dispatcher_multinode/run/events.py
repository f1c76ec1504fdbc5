"""The event log of a run (events.jsonl) and its subscribers.

Results, reports and the terminal view are computed from the events alone, so a run that was
killed still has a report.
"""

from __future__ import annotations

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

from .. import ascii_json
from ..report.verdict import exit_code_of, status_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from ..report.results import Results

    Event = dict[str, Any]
    Subscriber = Callable[[Event], None]


#: `log` events of one node and level; a board's output may cause any number of them.
MAX_LOG_EVENTS = 10_000
#: Fields in seconds, which are rounded to microseconds like `t`.
TIME_FIELDS = ("asked", "end", "seconds", "start")


def clock_from_now() -> Callable[[], float]:
    """Return a clock that counts seconds from this call; a run has one clock."""
    return clock_since(time.monotonic())


def clock_since(start: float) -> Callable[[], float]:
    """Return a clock that counts seconds from `start`, a time of time.monotonic()."""
    return lambda: time.monotonic() - start


def time_of_day() -> str:
    """Return the date and time as events have them: ISO 8601, UTC, to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class EventLog:
    """Adds the time to events, writes them to `path` and passes them to subscribers.

    `clock` returns seconds since the run's start. Thread-safe: the file and every subscriber
    get the events in the same order, and subscribers are called one at a time.
    """

    def __init__(
        self, path: Path | None, clock: Callable[[], float], *, append: bool = False
    ) -> None:
        self.failure: OSError | None = None  # why the file is incomplete
        self._clock = clock
        self._log_counts: Counter[tuple[str, str]] = Counter()
        # Unbuffered: a kill loses no event.
        self._file = None if path is None else FileIO(path, "a" if append else "w")
        self._subscribers: list[Subscriber] = []
        self._reported: set[object] = set()
        self._pending: deque[Event] = deque()
        self._delivering = False
        self._closed = False
        self._lock = threading.RLock()

    def subscribe(self, callback: Subscriber) -> None:
        """Call `callback(event)` for every event from now on, in the emitter's thread.

        The event is the object of the file. The first exception of a callback is reported on
        stderr; exceptions do not stop the run.
        """
        with self._lock:
            self._subscribers.append(callback)

    def emit(self, event: str, /, **fields: Any) -> None:
        """Record an event of type `event`; after `close`, drop it. I/O errors are not raised.

        Of the `log` events of a node and level, the first `MAX_LOG_EVENTS` are recorded, and a
        remark that more are dropped.
        """
        plain = {
            name: value if type(value) in _JSON_TYPES else _plain_field(name, value)
            for name, value in fields.items()
        }
        if isinstance(level := plain.get("level"), str):  # plug-ins may use lower case
            plain["level"] = level.upper()
        with self._lock:
            if self._closed or (event == "log" and not self._accept_log(plain)):
                return
            head = {"t": round(self._clock(), 6), "event": event}
            # `head` is first in the line, and fields cannot replace it.
            self._pending.append({**head, **plain, **head})
            # True if a subscriber emits: every subscriber gets the present event first.
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

    def _accept_log(self, event: dict[str, Any]) -> bool:
        """Count a `log` event; return False beyond the limit, after one remark about it."""
        key = (str(event.get("node")), str(event.get("level")))
        self._log_counts[key] += 1
        if self._log_counts[key] == MAX_LOG_EVENTS + 1:
            event["text"] = f"limit of {MAX_LOG_EVENTS} log events reached; the rest is dropped"
        return self._log_counts[key] <= MAX_LOG_EVENTS + 1

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
                # Nothing may follow a torn line, or the log could not be read.
                self.failure = error
                self._file.close()
                self._file = None
                _report(f"cannot write the event log: {error}")
        for subscriber in tuple(self._subscribers):
            try:
                subscriber(event)
            except Exception as error:  # noqa: BLE001 - must not end the run
                if subscriber not in self._reported:
                    self._reported.add(subscriber)
                    reason = str(error) if isinstance(error, OSError) else repr(error)
                    _report(f"a subscriber failed at the event '{event['event']}': {reason}")


def record_job_end(log: EventLog, results: Results, *, interrupted: bool = False) -> None:
    """Record `job_finished` with the status and the exit code of `results`."""
    code = exit_code_of(results, interrupted=interrupted)
    log.emit("job_finished", status=status_of(code), exit_code=int(code), finished=time_of_day())


def remove_torn_line(path: Path) -> None:
    """Remove an incomplete last line, which a killed writer leaves; raise OSError."""
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
    """Return the line of an event, in ASCII: it has no control sequences for terminals."""
    return ascii_json.encode(event) + b"\n"


def _write_whole(file: FileIO, data: bytes) -> None:
    written = file.write(data)
    while written < len(data):
        written += file.write(data[written:])


#: The types of most values. A subclass, such as an enum, is not among them.
_JSON_TYPES = frozenset({str, int, bool, type(None)})


def _plain_field(name: str, value: Any) -> Any:
    value = _plain(value)
    return round(value, 6) if name in TIME_FIELDS and isinstance(value, float) else value


def _plain(value: Any) -> Any:
    """Return `value` as JSON represents it, so that subscribers and readers see the same."""
    if type(value) in _JSON_TYPES:
        return value
    if isinstance(value, list | tuple):
        return [item if type(item) in _JSON_TYPES else _plain(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    # int() and str() also convert members of enums.
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, bytes | bytearray):
        return value.decode("utf-8", "backslashreplace")
    if isinstance(value, set | frozenset):
        return sorted(_strings(value))
    return str(value)


def _strings(values: Iterable[object]) -> list[str]:
    return [str(value) for value in values]


def _report(text: str) -> None:
    with suppress(OSError, ValueError):  # stderr is closed
        sys.stderr.write(f"lava-dispatch: {text}\n")
