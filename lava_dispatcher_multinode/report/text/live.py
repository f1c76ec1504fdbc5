"""The live display's content: one line per node; no terminal is touched here."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ...multinode.reasons import missing_words
from .. import coerce
from ..failures import COUNTING
from ..safe_text import clip, one_line, pad, width
from .log_lines import ANY_WILL_DO, format_event_call

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Event = Mapping[str, Any]

MIN_LAST_LINE_COLUMNS = 12  # columns that a console's last line has to have
MAX_NAMED_NODES = 3  # of those that a call waits for; the rest are counted


@dataclass(frozen=True)
class WaitingCall:
    """A call that waits. `named`: those who had not sent when it began; None: all others."""

    text: str
    node: str
    id: str
    role: str
    needed: int  # times that each of them has to have sent it
    any_will_do: bool
    named: tuple[str, ...] | None


@dataclass
class Lane:
    """What one node is doing."""

    name: str
    action: str = ""
    since: float = 0.0  # seconds since the run's start
    step: str = ""
    waiting: list[WaitingCall] = field(default_factory=list)  # the oldest first
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
            for name, about in coerce.mapping(event.get("nodes")).items():
                self._lanes[name] = Lane(name)
                self._roles[name] = coerce.text(coerce.mapping(about).get("role"))
        name = coerce.text(event.get("node"))
        if name:
            lane = self._lanes.setdefault(name, Lane(name))
            _advance(lane, event, coerce.number(event.get("t")) or 0.0)
            if event["event"] == "wait_started":
                lane.waiting.append(self._call(event))
        if event["event"] == "message":
            sent = self._sent.setdefault(coerce.text(event.get("id")), Counter())
            sent[coerce.text(event.get("from"))] += 1

    def _call(self, event: Event) -> WaitingCall:
        missing = coerce.missing(event)
        node, message = coerce.text(event.get("node")), coerce.text(event.get("id"))
        sent = self._sent.get(message, Counter())[node] if event.get("api") in COUNTING else 1
        return WaitingCall(
            format_event_call(event),
            node,
            message,
            coerce.text(event.get("role")),
            max(1, sent),
            event.get("api") in ANY_WILL_DO,
            None if missing.more else tuple(missing_words(missing)),
        )

    def _absent(self, call: WaitingCall) -> list[str]:
        """Return who is missing just now."""
        sent = self._sent.get(call.id, Counter())
        names = self._lanes if call.named is None else call.named
        absent = [name for name in names if name != call.node and sent[name] < call.needed]
        if call.named is None and call.role:
            return [name for name in absent if self._roles.get(name) == call.role]
        return absent

    def _doing(self, lane: Lane) -> str:
        if not lane.waiting:
            return lane.step
        call = lane.waiting[0]
        more = f" (and {len(lane.waiting) - 1} more calls)" if len(lane.waiting) > 1 else ""
        return f"{call.text}{_whom(self._absent(call), call.any_will_do)}{more}"

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
        text, style = _line(lane, self._doing(lane), now, columns, column)
        room = columns - width(text) - 3
        if self._last_line is not None and lane.status is None and room >= MIN_LAST_LINE_COLUMNS:
            said = clip(one_line(self._last_line(lane.name)), room)
            text += f" | {said}" if said else ""
        return text, style


def _advance(lane: Lane, event: Event, time: float) -> None:
    match event["event"]:
        case "action_started":
            lane.action, lane.since, lane.step = coerce.text(event.get("command")), time, ""
        case "step":
            lane.step = coerce.text(event.get("text"))
        case "definition_started":
            lane.step = coerce.text(event.get("definition"))
        case "action_finished" | "definition_finished":
            lane.step = ""
        case "test_case":
            lane.passed += event.get("result") == "pass"
            lane.failed += event.get("result") == "fail"
        case "wait_finished":
            lane.waiting = _without(lane.waiting, format_event_call(event))
        case "pause_started":
            lane.step = "paused: somebody looks at the board"
        case "pause_finished":
            lane.step = ""
        case "node_finished":
            lane.status, lane.until, lane.waiting = coerce.text(event.get("status")), time, []
            if lane.status == "pass" and lane.failed:
                lane.status = "fail"  # it came to its end, its tests did not pass


def _without(waiting: list[WaitingCall], answered: str) -> list[WaitingCall]:
    """Take out the oldest such call only: a board can make the same one twice at once."""
    for place, what in enumerate(waiting):
        if what.text == answered:
            return waiting[:place] + waiting[place + 1 :]
    return waiting


def _whom(absent: list[str], any_will_do: bool) -> str:
    if any_will_do and len(absent) != 1:
        return ": waiting for another device"
    names = absent if len(absent) <= MAX_NAMED_NODES else absent[: MAX_NAMED_NODES - 1]
    more = f" and {len(absent) - len(names)} more" if len(names) < len(absent) else ""
    return f": waiting for {', '.join(names)}{more}" if names else ""


def _line(lane: Lane, doing: str, now: float, columns: int, column: int) -> tuple[str, str]:
    style = {"pass": "good", "fail": "bad", "error": "bad"}.get(lane.status or "", "")
    counts = f"{lane.passed} passed" if lane.passed else ""
    if lane.failed:
        counts += f"{', ' if counts else ''}{lane.failed} failed"
        style = style or "bad"
    name = pad(clip(one_line(lane.name), column), column)
    if lane.status is not None:
        ways = [[_elapsed(lane.until), lane.status, counts]]
    else:
        elapsed = _elapsed(max(0.0, now - lane.since))
        ways = [[elapsed, lane.action, counts, doing]]
        if lane.waiting:  # where there is little room, that is what matters
            ways += [[elapsed, counts, doing], [elapsed, doing]]
    texts = [one_line("  ".join([name, *filter(None, words)])) for words in ways]
    return next(
        (text for text in texts if width(text) <= columns), clip(texts[-1], columns)
    ), style


def _elapsed(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes:>2}:{rest:02}"
