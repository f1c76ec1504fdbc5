"""The live display's content: one line per node; no terminal is touched here."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from . import values
from .narrator import call, missing
from .text import clip, one_line, pad, width

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Event = Mapping[str, Any]

LEAST = 12  # columns that a console's last line has to have


@dataclass
class Lane:
    """What one node is doing."""

    name: str
    action: str = ""
    since: float = 0.0  # seconds since the run's start
    step: str = ""
    waiting: list[tuple[str, str]] = field(default_factory=list)  # call, for whom
    passed: int = 0
    failed: int = 0
    status: str | None = None  # of the node, once it has finished
    until: float = 0.0


class Live:
    """What all nodes are doing, by the events so far."""

    def __init__(self, last_line: Callable[[str], str] | None = None) -> None:
        self._lanes: dict[str, Lane] = {}
        self._last_line = last_line

    def feed(self, event: Event) -> None:
        """Take one event."""
        for name in values.mapping(event.get("nodes")) if event["event"] == "job_started" else ():
            self._lanes[name] = Lane(name)
        name = values.text(event.get("node"))
        if name:
            lane = self._lanes.setdefault(name, Lane(name))
            _advance(lane, event, values.number(event.get("t")) or 0.0)

    def lines(self, now: float, columns: int, rows: int) -> list[tuple[str, str]]:
        """Return (text, style) lines that fit; style is good, bad or empty.

        Nodes that are still at work come first when there is not room for all.
        """
        lanes = list(self._lanes.values())
        if len(lanes) > rows:
            lanes.sort(key=lambda lane: lane.status is not None)
        shown = lanes if len(lanes) <= rows else lanes[: max(0, rows - 1)]
        column = min(24, max((len(lane.name) for lane in lanes), default=0))
        lines = [self._line(lane, now, columns, column) for lane in shown]
        if len(shown) < len(lanes) and rows > 0:
            left = lanes[len(shown) :]
            done = sum(lane.status is not None for lane in left)
            text = f"and {len(left)} more nodes: {len(left) - done} at work, {done} finished"
            lines.append((clip(text, columns), ""))
        return lines

    def _line(self, lane: Lane, now: float, columns: int, column: int) -> tuple[str, str]:
        text, style = _line(lane, now, columns, column)
        room = columns - width(text) - 3
        if self._last_line is not None and lane.status is None and room >= LEAST:
            said = clip(one_line(self._last_line(lane.name)), room)
            text += f" | {said}" if said else ""
        return text, style


def _advance(lane: Lane, event: Event, time: float) -> None:
    match event["event"]:
        case "action_started":
            lane.action, lane.since, lane.step = values.text(event.get("command")), time, ""
        case "step":
            lane.step = values.text(event.get("text"))
        case "definition_started":
            lane.step = values.text(event.get("definition"))
        case "action_finished" | "definition_finished":
            lane.step = ""
        case "test_case":
            lane.passed += event.get("result") == "pass"
            lane.failed += event.get("result") == "fail"
        case "wait_started":
            lane.waiting.append((call(event), missing(event)))
        case "wait_finished":
            lane.waiting = _without(lane.waiting, call(event))
        case "pause_started":
            lane.step = "paused: somebody looks at the board"
        case "pause_finished":
            lane.step = ""
        case "node_finished":
            lane.status, lane.until, lane.waiting = values.text(event.get("status")), time, []


def _without(waiting: list[tuple[str, str]], answered: str) -> list[tuple[str, str]]:
    """Take out the oldest such call only: a board can make the same one twice at once."""
    for place, (what, _) in enumerate(waiting):
        if what == answered:
            return waiting[:place] + waiting[place + 1 :]
    return waiting


def _line(lane: Lane, now: float, columns: int, column: int) -> tuple[str, str]:
    style = {"pass": "good", "fail": "bad", "error": "bad"}.get(lane.status or "", "")
    counts = f"{lane.passed} passed" if lane.passed else ""
    if lane.failed:
        counts += f"{', ' if counts else ''}{lane.failed} failed"
        style = style or "bad"
    if lane.status is not None:
        words = [_elapsed(lane.until), lane.status, counts]
    else:
        words = [_elapsed(max(0.0, now - lane.since)), lane.action, counts, _doing(lane)]
    text = pad(clip(one_line(lane.name), column), column) + "  " + "  ".join(filter(None, words))
    return clip(one_line(text), columns), style


def _doing(lane: Lane) -> str:
    if not lane.waiting:
        return lane.step
    what, whom = lane.waiting[0]
    more = f" (and {len(lane.waiting) - 1} more calls)" if len(lane.waiting) > 1 else ""
    return f"waiting for {whom}: {what}{more}"


def _elapsed(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes:>2}:{rest:02}"
