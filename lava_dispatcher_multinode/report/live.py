"""The live display's content: one line per node; no terminal is touched here."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from . import values
from .narrator import call
from .text import clip, one_line, pad, width

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Event = Mapping[str, Any]

LEAST = 12  # columns that a console's last line has to have
NAMED = 3  # of those that a call waits for; the rest are counted


@dataclass
class Call:
    """A call that waits. `absent`: who has not sent yet."""

    text: str
    id: str
    absent: list[str]
    any_will_do: bool = False

    def __str__(self) -> str:
        """Return the call and whom it waits for, as short as may be."""
        if self.any_will_do and len(self.absent) != 1:
            return f"{self.text}: waiting for another device"
        if not self.absent:
            return self.text
        names = self.absent if len(self.absent) <= NAMED else self.absent[: NAMED - 1]
        unnamed = len(self.absent) - len(names)
        more = f" and {unnamed} more" if unnamed else ""
        return f"{self.text}: waiting for {', '.join(names)}{more}"


_MORE = re.compile(r"\d+ more")


@dataclass
class Lane:
    """What one node is doing."""

    name: str
    action: str = ""
    since: float = 0.0  # seconds since the run's start
    step: str = ""
    waiting: list[Call] = field(default_factory=list)  # the oldest first
    passed: int = 0
    failed: int = 0
    status: str | None = None  # of the node, once it has finished
    until: float = 0.0


class Live:
    """What all nodes are doing, by the events so far."""

    def __init__(self, last_line: Callable[[str], str] | None = None) -> None:
        self._lanes: dict[str, Lane] = {}
        self._roles: dict[str, str] = {}
        self._sent: dict[str, Counter[str]] = {}  # by ID: how often who has sent it
        self._last_line = last_line

    def feed(self, event: Event) -> None:
        """Take one event."""
        if event["event"] == "job_started":
            for name, about in values.mapping(event.get("nodes")).items():
                self._lanes[name] = Lane(name)
                self._roles[name] = values.text(values.mapping(about).get("role"))
        name = values.text(event.get("node"))
        if name:
            lane = self._lanes.setdefault(name, Lane(name))
            _advance(lane, event, values.number(event.get("t")) or 0.0)
            if event["event"] == "wait_started":
                lane.waiting.append(self._call(event))
        if event["event"] == "message":
            self._arrived(values.text(event.get("id")), values.text(event.get("from")))

    def _call(self, event: Event) -> Call:
        names = event.get("missing")
        absent = [values.text(name) for name in names] if isinstance(names, list | tuple) else []
        if absent and _MORE.fullmatch(absent[-1]):
            absent = self._absent(event)
        any_will_do = event.get("api") == "wait"
        return Call(call(event), values.text(event.get("id")), absent, any_will_do)

    def _absent(self, event: Event) -> list[str]:
        """Return all who have not sent: of very many the event names the first."""
        node, role = values.text(event.get("node")), values.text(event.get("role"))
        sent = self._sent.get(values.text(event.get("id")), Counter())
        needed = sent[node] if event.get("api") == "sync" else 1
        others = (name for name in self._lanes if name != node and sent[name] < needed)
        return [name for name in others if not role or self._roles.get(name) == role]

    def _arrived(self, message: str, sender: str) -> None:
        self._sent.setdefault(message, Counter())[sender] += 1
        for lane in self._lanes.values():
            for waiting in lane.waiting:
                if waiting.id == message and sender in waiting.absent:
                    waiting.absent.remove(sender)

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
        case "wait_finished":
            lane.waiting = _without(lane.waiting, call(event))
        case "pause_started":
            lane.step = "paused: somebody looks at the board"
        case "pause_finished":
            lane.step = ""
        case "node_finished":
            lane.status, lane.until, lane.waiting = values.text(event.get("status")), time, []
            if lane.status == "pass" and lane.failed:
                lane.status = "fail"  # it came to its end, its tests did not pass


def _without(waiting: list[Call], answered: str) -> list[Call]:
    """Take out the oldest such call only: a board can make the same one twice at once."""
    for place, what in enumerate(waiting):
        if what.text == answered:
            return waiting[:place] + waiting[place + 1 :]
    return waiting


def _line(lane: Lane, now: float, columns: int, column: int) -> tuple[str, str]:
    style = {"pass": "good", "fail": "bad", "error": "bad"}.get(lane.status or "", "")
    counts = f"{lane.passed} passed" if lane.passed else ""
    if lane.failed:
        counts += f"{', ' if counts else ''}{lane.failed} failed"
        style = style or "bad"
    name = pad(clip(one_line(lane.name), column), column)
    if lane.status is not None:
        ways = [[_elapsed(lane.until), lane.status, counts]]
    else:
        elapsed, doing = _elapsed(max(0.0, now - lane.since)), _doing(lane)
        ways = [[elapsed, lane.action, counts, doing]]
        if lane.waiting:  # where there is little room, that is what matters
            ways += [[elapsed, counts, doing], [elapsed, doing]]
    texts = [one_line("  ".join([name, *filter(None, words)])) for words in ways]
    return next(
        (text for text in texts if width(text) <= columns), clip(texts[-1], columns)
    ), style


def _doing(lane: Lane) -> str:
    if not lane.waiting:
        return lane.step
    more = f" (and {len(lane.waiting) - 1} more calls)" if len(lane.waiting) > 1 else ""
    return f"{lane.waiting[0]}{more}"


def _elapsed(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes:>2}:{rest:02}"
