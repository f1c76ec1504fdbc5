"""Formats events as the lines of a plain log."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Any

from ...multinode.reasons import missing_words
from .. import coerce
from ..run_model import NEEDS_ANY
from ..safe_text import clip, first_line, one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ..results import Results
    from ..run_model import NodeRecord

    Event = Mapping[str, Any]

MAX_TEXT_COLUMNS = 300  # of a text from a board or a job


class Verbosity(IntEnum):
    """The verbosity from which on a line is shown."""

    DETAIL = 0  # with -v
    PROGRESS = 1  # without a live display
    NOTABLE = 2  # always


@dataclass(frozen=True)
class LogLine:
    """The text for an event; `style` is good, bad, warning or empty."""

    verbosity: Verbosity
    text: str
    style: str = ""


def format_event(event: Event, results: Results) -> LogLine | None:
    """Return the line for the latest event of `results`, or None if it has none."""
    kind, name = _of(event, "event"), _of(event, "node")
    formatter = _FORMATTERS.get(kind)
    if formatter is None:
        return None
    node = results.nodes.get(name)
    if kind == "node_finished" and node is not None:
        event = {**event, "status": node.final_status}
    line = formatter(event)
    place = " ".join(word for word in (name, _current_action(kind, node)) if word)
    time = coerce.number(event.get("t")) or 0.0
    text = f"{place}: {line.text}" if place else line.text
    return LogLine(line.verbosity, f"[{time:9.3f}] {one_line(text)}", line.style)


def _current_action(kind: str, node: NodeRecord | None) -> str:
    """Return the command of the action that was in progress at an event of this kind, or ""."""
    if node is None or node.action is None:
        return ""
    action_ended = node.action.finished is not None and kind != "action_finished"
    node_ended = node.finished is not None and kind != "node_finished"
    return "" if action_ended or node_ended else node.action.command


def _job_started(event: Event) -> LogLine:
    nodes = coerce.mapping(event.get("nodes"))
    boards = (f"{name} ({_of(coerce.mapping(about), 'role')})" for name, about in nodes.items())
    name = _of(coerce.mapping(event.get("job")), "name")
    return LogLine(Verbosity.PROGRESS, f"job {name} on {', '.join(boards)}")


def _action_finished(event: Event) -> LogLine:
    seconds = coerce.number(event.get("seconds"))
    after = "" if seconds is None else f" after {seconds:.1f} s"
    return _ended(event, f"{_of(event, 'status')}{after}", Verbosity.PROGRESS)


def _node_finished(event: Event) -> LogLine:
    bad = event.get("status") in {"fail", "error"}
    verbosity = Verbosity.NOTABLE if bad else Verbosity.PROGRESS
    return _ended(event, f"finished: {_of(event, 'status')}", verbosity)


def _ended(event: Event, text: str, verbosity: Verbosity) -> LogLine:
    error = first_line(_of(event, "error"))
    style = {"pass": "good", "fail": "bad", "error": "bad"}.get(_of(event, "status"), "")
    return LogLine(verbosity, f"{text}: {_short(error)}" if error else text, style)


def _definition_started(event: Event) -> LogLine:
    return LogLine(Verbosity.PROGRESS, f"definition {_short(_of(event, 'definition'))}")


def _test_case(event: Event) -> LogLine:
    result = _of(event, "result")
    parts = (_of(event, key) for key in ("definition", "set", "case"))
    name = _short(" ".join(part for part in parts if part))
    measured = " ".join(part for part in (_of(event, "measurement"), _of(event, "units")) if part)
    text = f"{name}: {result}" + (f" ({_short(measured)})" if measured else "")
    if result == "fail":
        return LogLine(Verbosity.NOTABLE, text, "bad")
    return LogLine(Verbosity.PROGRESS, text, "good" if result == "pass" else "")


def _message(event: Event) -> LogLine:
    data = coerce.mapping(event.get("data"))
    pairs = "".join(f" {key}={value}" for key, value in data.items())
    text = f"{_of(event, 'from')} sent {_of(event, 'id')}{pairs}"
    return LogLine(Verbosity.PROGRESS, _short(text))


def _wait_started(event: Event) -> LogLine:
    return LogLine(
        Verbosity.PROGRESS, f"{format_event_call(event)}: waiting for {format_missing(event)}"
    )


def _wait_finished(event: Event) -> LogLine:
    outcome, reason = _of(event, "outcome"), _short(_of(event, "reason"))
    if outcome == "done":
        return LogLine(Verbosity.PROGRESS, f"{format_event_call(event)}: done")
    text = f"{format_event_call(event)}: {outcome}" + (f": {reason}" if reason else "")
    return LogLine(Verbosity.NOTABLE, text, "bad")


def _pause_finished(event: Event) -> LogLine:
    seconds = coerce.number(event.get("seconds")) or 0.0
    return LogLine(Verbosity.NOTABLE, f"was paused for {seconds:.1f} s", "warning")


def _log(event: Event) -> LogLine:
    level = _of(event, "level").lower()
    text = f"{level}: {_of(event, 'text')}"
    if level in {"error", "critical"}:
        return LogLine(Verbosity.NOTABLE, text, "bad")
    if level == "warning":
        return LogLine(Verbosity.NOTABLE, text, "warning")
    return LogLine(Verbosity.DETAIL, text)


def format_event_call(event: Event) -> str:
    """Return the call of an event as its user wrote it."""
    words = (f"lava-{_of(event, 'api')}", _short(_of(event, "id")), _of(event, "role"))
    return " ".join(words).rstrip()


def format_missing(event: Event) -> str:
    """Return the devices that a call waits for."""
    words = missing_words(coerce.missing(event))
    any_of = "any of " if event.get("api") in NEEDS_ANY and len(words) > 1 else ""
    return _short(any_of + ", ".join(words)) or "another device"


def _short(text: str) -> str:
    return clip(one_line(text[: MAX_TEXT_COLUMNS + 1]), MAX_TEXT_COLUMNS)


def _of(event: Event, key: str) -> str:
    return coerce.text(event.get(key))


_FORMATTERS: dict[str, Callable[[Event], LogLine]] = {
    "job_started": _job_started,
    "action_started": lambda _: LogLine(Verbosity.PROGRESS, "started"),
    "action_finished": _action_finished,
    "step": lambda event: LogLine(Verbosity.PROGRESS, _short(_of(event, "text"))),
    "definition_started": _definition_started,
    "definition_finished": lambda _: LogLine(Verbosity.DETAIL, "definition finished"),
    "test_case": _test_case,
    "message": _message,
    "wait_started": _wait_started,
    "wait_finished": _wait_finished,
    "pause_started": lambda event: LogLine(
        Verbosity.NOTABLE, f"paused: {_short(first_line(_of(event, 'error')))}", "warning"
    ),
    "pause_finished": _pause_finished,
    "node_finished": _node_finished,
    "log": _log,
}
