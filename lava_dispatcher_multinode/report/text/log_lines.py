"""An event in words: one line of a plain log."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Any

from .. import coerce
from ..safe_text import clip, one_line, without_call

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Event = Mapping[str, Any]

LONGEST = 300  # columns of what a board or a job said


class Weight(IntEnum):
    """Who wants to read a line."""

    DETAIL = 0  # with -v
    PROGRESS = 1  # where there is no live display
    NOTABLE = 2  # always


@dataclass(frozen=True)
class Line:
    """What to say of an event; `style` is good, bad, warning or empty."""

    weight: Weight
    text: str
    style: str = ""


class Narrator:
    """Tells events; remembers which action each node is at, and on which a case has failed."""

    def __init__(self) -> None:
        self._action: dict[str, str] = {}
        self._failed: set[str] = set()

    def tell(self, event: Event) -> Line | None:
        """Return the line for `event`, or None when there is nothing to say."""
        node = coerce.text(event.get("node"))
        kind = coerce.text(event.get("event"))
        if kind == "action_started":
            self._action[node] = coerce.text(event.get("command"))
        if kind == "test_case" and event.get("result") == "fail":
            self._failed.add(node)
        if kind == "node_finished" and event.get("status") == "pass" and node in self._failed:
            event = {**event, "status": "fail"}  # it came to its end, its tests did not pass
        teller = _TELLERS.get(kind)
        if teller is None:
            return None
        line = teller(event)
        place = " ".join(word for word in (node, self._action.get(node)) if word)
        if kind in {"action_finished", "node_finished"}:
            self._action.pop(node, None)
        time = coerce.number(event.get("t")) or 0.0
        said = f"{place}: {line.text}" if place else line.text
        return Line(line.weight, f"[{time:9.3f}] {one_line(said)}", line.style)


def _job_started(event: Event) -> Line:
    nodes = coerce.mapping(event.get("nodes"))
    boards = (f"{name} ({_of(coerce.mapping(about), 'role')})" for name, about in nodes.items())
    name = _of(coerce.mapping(event.get("job")), "name")
    return Line(Weight.PROGRESS, f"job {name} on {', '.join(boards)}")


def _action_finished(event: Event) -> Line:
    seconds = coerce.number(event.get("seconds"))
    after = "" if seconds is None else f" after {seconds:.1f} s"
    return _ended(event, f"{_of(event, 'status')}{after}", Weight.PROGRESS)


def _node_finished(event: Event) -> Line:
    bad = event.get("status") in {"fail", "error"}
    weight = Weight.NOTABLE if bad else Weight.PROGRESS
    return _ended(event, f"finished: {_of(event, 'status')}", weight)


def _ended(event: Event, text: str, weight: Weight) -> Line:
    error = first_line(_of(event, "error"))
    style = {"pass": "good", "fail": "bad", "error": "bad"}.get(_of(event, "status"), "")
    return Line(weight, f"{text}: {_short(error)}" if error else text, style)


def _definition_started(event: Event) -> Line:
    return Line(Weight.PROGRESS, f"definition {_short(_of(event, 'definition'))}")


def _test_case(event: Event) -> Line:
    result = _of(event, "result")
    parts = (_of(event, key) for key in ("definition", "set", "case"))
    name = _short(" ".join(part for part in parts if part))
    measured = " ".join(part for part in (_of(event, "measurement"), _of(event, "units")) if part)
    text = f"{name}: {result}" + (f" ({_short(measured)})" if measured else "")
    if result == "fail":
        return Line(Weight.NOTABLE, text, "bad")
    return Line(Weight.PROGRESS, text, "good" if result == "pass" else "")


def _message(event: Event) -> Line:
    data = coerce.mapping(event.get("data"))
    pairs = "".join(f" {key}={value}" for key, value in data.items())
    said = f"{_of(event, 'from')} sent {_of(event, 'id')}{pairs}"
    return Line(Weight.PROGRESS, _short(said))


def _wait_started(event: Event) -> Line:
    return Line(Weight.PROGRESS, f"{call(event)}: waiting for {missing(event)}")


def _wait_finished(event: Event) -> Line:
    outcome, reason = _of(event, "outcome"), _short(_of(event, "reason"))
    if outcome == "done":
        return Line(Weight.PROGRESS, f"{call(event)}: done")
    reason = without_call(reason, call(event))
    text = f"{call(event)}: {outcome}" + (f": {reason}" if reason else "")
    return Line(Weight.NOTABLE, text, "bad")


def _pause_finished(event: Event) -> Line:
    seconds = coerce.number(event.get("seconds")) or 0.0
    return Line(Weight.NOTABLE, f"was paused for {seconds:.1f} s", "warning")


def _log(event: Event) -> Line:
    level = _of(event, "level").lower()
    text = f"{level}: {_of(event, 'text')}"
    if level in {"error", "critical"}:
        return Line(Weight.NOTABLE, text, "bad")
    if level == "warning":
        return Line(Weight.NOTABLE, text, "warning")
    return Line(Weight.DETAIL, text)


def call(event: Event) -> str:
    """Return a call as somebody would type it."""
    words = (f"lava-{_of(event, 'api')}", _short(_of(event, "id")), _of(event, "role"))
    return " ".join(words).rstrip()


def missing(event: Event) -> str:
    """Return who is waited for."""
    names = event.get("missing")
    words = [coerce.text(n) for n in names] if isinstance(names, list | tuple) else []
    any_of = "any of " if event.get("api") == "wait" and len(words) > 1 else ""
    return _short(any_of + ", ".join(words)) or "another device"


def first_line(text: str) -> str:
    """Return the first line that says anything."""
    return next((line.strip() for line in text.splitlines() if line.strip()), "")


def _short(text: str) -> str:
    return clip(one_line(text[: LONGEST + 1]), LONGEST)


def _of(event: Event, key: str) -> str:
    return coerce.text(event.get(key))


_TELLERS: dict[str, Callable[[Event], Line]] = {
    "job_started": _job_started,
    "action_started": lambda _: Line(Weight.PROGRESS, "started"),
    "action_finished": _action_finished,
    "step": lambda event: Line(Weight.PROGRESS, _short(_of(event, "text"))),
    "definition_started": _definition_started,
    "definition_finished": lambda _: Line(Weight.DETAIL, "definition finished"),
    "test_case": _test_case,
    "message": _message,
    "wait_started": _wait_started,
    "wait_finished": _wait_finished,
    "pause_started": lambda event: Line(
        Weight.NOTABLE, f"paused: {_short(first_line(_of(event, 'error')))}", "warning"
    ),
    "pause_finished": _pause_finished,
    "node_finished": _node_finished,
    "log": _log,
}
