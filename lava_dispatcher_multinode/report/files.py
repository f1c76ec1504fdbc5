"""Writes the report files of a run directory during the run, and reads them back."""

from __future__ import annotations

import json
import os
import time
from importlib import import_module
from typing import TYPE_CHECKING, Any

from ..errors import InvalidJob, Problem
from .consoles import MAX_REPORT_BYTES, MAX_RUNNING_REPORT_BYTES, Consoles
from .inputs import NO_INPUTS, ReportInputs
from .results import Results

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    Event = Mapping[str, Any]

EVENTS = "events.jsonl"

#: The events after which the files are written. Not every test case: writing takes time in
#: proportion to all cases so far.
MILESTONES = frozenset({"job_started", "action_finished", "node_finished", "job_finished"})

#: After a writing, the next one waits for this multiple of its duration (except the last one),
#: so that writing takes at most a twentieth of a run.
WRITE_PAUSE_FACTOR = 20


#: The modules of the report formats, each with `render(results, inputs) -> str`.
_MODULES = {
    "html": ".html.html_report",
    "json": ".document",
    "junit": ".export.junit",
    "kcidb": ".export.kcidb",
    "squad": ".export.squad",
    "tap": ".export.tap",
}
FORMATS = tuple(_MODULES)

#: The formats that show the changes since another run.
COMPARING = frozenset({"html", "json"})

#: The report files in a run directory, and their formats.
FILES = {"results.json": "json", "results.xml": "junit", "report.html": "html"}


def render(results: Results, kind: str, inputs: ReportInputs = NO_INPUTS) -> str:
    """Return the report in the format `kind`, one of `FORMATS`; KeyError for others.

    The module of a format is imported when it is used: a run starts without those.
    """
    module: Any = import_module(_MODULES[kind], __package__)
    text: str = module.render(results, inputs)
    return text


class ReportWriter:
    """An event subscriber that keeps the report files in `directory` up to date."""

    def __init__(self, directory: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self.results = Results()
        self.failure: Exception | None = None  # why the files are out of date
        self._directory = directory
        self._clock = clock
        self._rest_until = float("-inf")

    def __call__(self, event: Event) -> None:
        """Add one event; OSError if a file cannot be written."""
        self.results.feed(event)
        final = event.get("event") == "job_finished"
        if final or (event.get("event") in MILESTONES and self._clock() >= self._rest_until):
            began = self._clock()
            self.write(durable=final)
            now = self._clock()
            self._rest_until = now + WRITE_PAUSE_FACTOR * (now - began)

    def write(self, *, durable: bool = True) -> None:
        """Write all files; `durable`: they survive a power failure."""
        total = MAX_REPORT_BYTES if self.results.over else MAX_RUNNING_REPORT_BYTES
        inputs = ReportInputs(Consoles(self._directory, total))
        try:
            for name, kind in FILES.items():
                text = render(self.results, kind, inputs)
                write_atomic(self._directory / name, text, durable=durable)
        except Exception as error:
            self.failure = error
            raise
        self.failure = None


def write_atomic(path: Path, text: str, *, durable: bool = True) -> None:
    """Replace a UTF-8 file atomically."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with open(temporary, "wb") as file:
            file.write(text.encode("utf-8", "backslashreplace"))
            if durable:
                file.flush()
                os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def read_events(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the events of a log; an incomplete last line (of a killed run) is ignored.

    Raises InvalidJob for an unreadable file, or one that is not an event log.
    """
    try:
        with open(path, "rb") as file:
            for number, line in enumerate(file, 1):
                if line.endswith(b"\n"):
                    yield _event(path, number, line)
    except OSError as error:
        hint = "a run directory, such as lava-runs/latest, has one"
        raise InvalidJob.about(str(path), error.strerror or str(error), hint) from None


def read_results(directory: Path, *, process_alive: bool = False) -> Results:
    """Return the results of a run directory; `process_alive`: its run may be at work."""
    return Results.of(read_events(directory / EVENTS), process_alive=process_alive)


def _event(path: Path, number: int, line: bytes) -> dict[str, Any]:
    try:
        event = json.loads(line)
    except (ValueError, RecursionError):
        event = None
    if not isinstance(event, dict) or not isinstance(event.get("event"), str):
        raise InvalidJob([Problem(str(path), number, 1, "this line is not an event of a run")])
    return event
