"""Folds the events of a run into its facts; no file is touched.

`Results` takes one event at a time and is valid after each of them: half of the events
give the results of half a run.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from ..errors import ExitCode
from ..job.model import RESULTS
from . import coerce
from .run_model import (
    COUNTING,
    ActionRecord,
    BootRecord,
    CaseRecord,
    MessageRecord,
    NodeRecord,
    Span,
    WaitRecord,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    Event = Mapping[str, Any]

STATUSES = frozenset({"pass", "fail", "error", "skipped"})
OUTCOMES = frozenset({"done", "refused", "timeout", "never"})
MAX_STEPS = 2000  # steps kept per node
ERROR_TYPES = frozenset({"test", "job", "infrastructure", "multinode", "bug", "cancelled"})


class Results:
    """The facts of all events so far. Not thread-safe: feed it from an `EventLog`."""

    def __init__(self, *, process_alive: bool = False) -> None:
        self.job: dict[str, str] = {"name": "", "id": "", "file": ""}
        self.started: str | None = None  # ISO 8601, UTC
        self.finished: str | None = None
        self.stated_exit_code: ExitCode | None = None
        self.over = False  # job_finished has come
        self._process_alive = process_alive
        self.last: float = 0.0  # `t` of the latest event, seconds
        self.nodes: dict[str, NodeRecord] = {}
        self.messages: list[MessageRecord] = []
        self.waits: list[WaitRecord] = []
        self.sent: dict[str, Counter[str]] = {}  # messages by ID and sender

    @classmethod
    def of(cls, events: Iterable[Event], *, process_alive: bool = False) -> Results:
        """Return the results of `events`."""
        results = cls(process_alive=process_alive)
        for event in events:
            results.feed(event)
        return results

    @property
    def running(self) -> bool:
        """Return True while the run's process is alive and the run has not ended."""
        return self._process_alive and not self.over

    def mark_process_ended(self) -> None:
        """Record that the process of the run has ended."""
        self._process_alive = False

    def feed(self, event: Event) -> None:
        """Add one event; unknown kinds are ignored."""
        self.last = max(self.last, coerce.number(event.get("t")) or 0.0)
        handler = _HANDLERS.get(coerce.text(event.get("event")))
        if handler is not None:
            handler(self, event)

    def node(self, event: Event) -> NodeRecord:
        """Return the record of the node that `event` names, creating it if needed."""
        name = coerce.text(event.get("node"))
        return self.nodes.setdefault(name, NodeRecord(name))


def _job_started(results: Results, event: Event) -> None:
    job = coerce.mapping(event.get("job"))
    results.job = {key: coerce.text(job.get(key)) for key in ("name", "id", "file")}
    results.started = coerce.text(event.get("started")) or None
    for name, about in coerce.mapping(event.get("nodes")).items():
        node = results.nodes.setdefault(name, NodeRecord(name))
        node.role = coerce.text(coerce.mapping(about).get("role"))
        node.device_type = coerce.text(coerce.mapping(about).get("device_type"))


def _action_started(results: Results, event: Event) -> None:
    action = _action(results, event)
    action.started = coerce.number(event.get("t"))
    action.tests = event.get("tests") is True
    node = results.node(event)
    node.action, node.doing = action, ""


def _action_finished(results: Results, event: Event) -> None:
    action = _action(results, event)
    action.status = coerce.choice(event.get("status"), STATUSES, "error")
    action.seconds = coerce.number(event.get("seconds"))
    action.error = coerce.text(event.get("error")) or None
    action.finished = _time(event)
    node = results.node(event)
    node.doing = ""
    _end(node.steps, _time(event))


def _step(results: Results, event: Event) -> None:
    node = results.node(event)
    node.doing = coerce.text(event.get("text"))
    _end(node.steps, _time(event))
    if len(node.steps) < MAX_STEPS:
        node.steps.append(Span(node.doing, _time(event)))


def _boot_started(results: Results, event: Event) -> None:
    attempt, of = (int(coerce.number(event.get(key)) or 1) for key in ("attempt", "of"))
    results.node(event).boots.append(BootRecord(attempt, of, _time(event)))


def _boot_finished(results: Results, event: Event) -> None:
    boots = results.node(event).boots
    if not boots or boots[-1].finished is not None:
        _boot_started(results, event)
    boots[-1].status = coerce.choice(event.get("status"), STATUSES, "error")
    boots[-1].error = coerce.text(event.get("error")) or None
    boots[-1].finished = _time(event)


def _definition_started(results: Results, event: Event) -> None:
    node = results.node(event)
    node.doing = coerce.text(event.get("definition"))
    _end(node.definitions, _time(event))
    node.definitions.append(Span(node.doing, _time(event)))


def _definition_finished(results: Results, event: Event) -> None:
    node = results.node(event)
    node.doing = ""
    _end(node.definitions, _time(event))


def _pause_started(results: Results, event: Event) -> None:
    results.node(event).doing = "paused: its console is in use"


def _pause_finished(results: Results, event: Event) -> None:
    results.node(event).doing = ""


def _end(spans: list[Span], time: float) -> None:
    """End the last span if it is open."""
    if spans and spans[-1].finished is None:
        spans[-1].finished = time


def _time(event: Event) -> float:
    return coerce.number(event.get("t")) or 0.0


def _action(results: Results, event: Event) -> ActionRecord:
    index = int(coerce.number(event.get("index")) or 0)
    command = coerce.text(event.get("command"))
    return results.node(event).actions.setdefault(index, ActionRecord(index, command))


def _test_case(results: Results, event: Event) -> None:
    node = results.node(event)
    case = coerce.text(event.get("case"))
    start, end = coerce.number(event.get("start")), coerce.number(event.get("end"))
    wait = node.pop_wait_of(case)
    if wait is not None and start is None and end is not None:
        start = min(wait.asked, end)
    node.add_case(
        CaseRecord(
            definition=coerce.text(event.get("definition")),
            case=case,
            result=coerce.choice(event.get("result"), RESULTS, "unknown"),
            measurement=coerce.measurement(event.get("measurement")),
            units=coerce.text(event.get("units")) or None,
            set=coerce.text(event.get("set")) or None,
            start=start,
            end=end,
            time=_time(event),
            error=coerce.text(event.get("error")) or None,
            of_wait=wait is not None,
        )
    )


def _message(results: Results, event: Event) -> None:
    data = coerce.mapping(event.get("data"))
    message = MessageRecord(
        id=coerce.text(event.get("id")),
        sender=coerce.text(event.get("from")),
        data={key: coerce.text(value) for key, value in data.items()},
        time=_time(event),
    )
    results.messages.append(message)
    results.sent.setdefault(message.id, Counter())[message.sender] += 1


def _wait_started(results: Results, event: Event) -> None:
    wait = _add_wait(results, event, _time(event))
    wait.missing = coerce.missing(event)
    if wait.api in COUNTING:  # the peers have to catch up with the caller
        wait.needed = max(1, results.sent.get(wait.id, Counter())[wait.node])


def _wait_finished(results: Results, event: Event) -> None:
    wait = _pop_open_wait(results, event)
    wait.answered = coerce.number(event.get("t"))
    wait.outcome = coerce.choice(event.get("outcome"), OUTCOMES, "never")
    wait.cause = coerce.text(event.get("cause")) or None
    wait.reason = coerce.text(event.get("reason"))
    senders = event.get("senders")
    if isinstance(senders, list | tuple) and senders:
        wait.senders = tuple(coerce.text(name) for name in senders)


def _pop_open_wait(results: Results, event: Event) -> WaitRecord:
    """Return the oldest open call that `event` answers, or a new one for lack of its start."""
    waits = results.node(event).open_waits
    for place, wait in enumerate(waits):
        if (wait.api, wait.id) == _call(event):
            return waits.pop(place)
    asked = coerce.number(event.get("asked"))
    wait = _add_wait(results, event, _time(event) if asked is None else asked)
    waits.pop()
    return wait


def _add_wait(results: Results, event: Event, asked: float) -> WaitRecord:
    node = results.node(event)
    role = coerce.text(event.get("role")) or None
    wait = WaitRecord(node.name, *_call(event), role, asked)
    node.waits.append(wait)
    node.open_waits.append(wait)
    node.unrecorded.setdefault(wait.case, []).append(wait)
    results.waits.append(wait)
    return wait


def _call(event: Event) -> tuple[str, str]:
    return coerce.text(event.get("api")), coerce.text(event.get("id"))


def _node_finished(results: Results, event: Event) -> None:
    node = results.node(event)
    node.recorded_status = coerce.choice(event.get("status"), STATUSES, "error")
    node.error_type = coerce.choice(event.get("error_type"), ERROR_TYPES, "") or None
    node.error = coerce.text(event.get("error")) or None
    node.finished = _time(event)
    _end(node.steps, _time(event))
    _end(node.definitions, _time(event))


def _job_finished(results: Results, event: Event) -> None:
    results.over = True
    results.finished = coerce.text(event.get("finished")) or None
    code = coerce.number(event.get("exit_code"))
    known = code is not None and code in set(ExitCode)
    results.stated_exit_code = ExitCode(int(code)) if known and code is not None else None


_HANDLERS: dict[str, Callable[[Results, Event], None]] = {
    "job_started": _job_started,
    "action_started": _action_started,
    "action_finished": _action_finished,
    "step": _step,
    "boot_started": _boot_started,
    "boot_finished": _boot_finished,
    "definition_started": _definition_started,
    "definition_finished": _definition_finished,
    "test_case": _test_case,
    "message": _message,
    "wait_started": _wait_started,
    "wait_finished": _wait_finished,
    "pause_started": _pause_started,
    "pause_finished": _pause_finished,
    "node_finished": _node_finished,
    "job_finished": _job_finished,
}
