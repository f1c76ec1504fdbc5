"""The data for the page's timeline: nodes, and items with a time.

An item is a dict with `node`, `kind` (action, boot, step, definition, case, wait, message),
`start` and `end` (seconds since the run's start; if `open` is true, `end` is now), `result`
(pass, fail, error, skip, unknown, or `open`), `label`, and `detail` (text of several lines). A
wait also has `from`: [node, time] of each message that completed it, in order of time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...multinode.reasons import missing_words
from .. import timeline, verdict
from ..failures import find_failures
from ..safe_text import one_line, plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ..results import Results
    from ..run_model import (
        ActionRecord,
        BootRecord,
        CaseRecord,
        MessageRecord,
        NodeRecord,
        WaitRecord,
    )

    Item = dict[str, Any]

MAX_LABEL_CHARS = 200
MAX_DETAIL_CHARS = 4000
MAX_ITEMS = 60_000


def page_data(results: Results) -> dict[str, Any]:
    """Return the data for JSON; its texts are safe to display."""
    return {
        "started": plain(results.started or ""),
        "last": results.last,
        "over": results.over,
        "failed": _failed(results),
        "nodes": [_node(node, results) for node in results.nodes.values()],
        "items": _items(results)[:MAX_ITEMS],
        "maxArrows": timeline.MAX_ARROWS,
    }


def _failed(results: Results) -> list[list[Any]]:
    """Return [node, time] of each node's first failure, earliest first."""
    first: dict[str, float] = {}
    for failure in find_failures(results):
        first.setdefault(failure.node, failure.time)
    return [[plain(name), time] for name, time in first.items()]


def _node(node: NodeRecord, results: Results) -> dict[str, str]:
    return {
        "name": plain(node.name),
        "role": plain(node.role),
        "type": plain(node.device_type),
        "status": verdict.current_status(node, results).status,
    }


def _items(results: Results) -> list[Item]:
    answers: dict[int, list[tuple[float, str]]] = {}
    for arrow in timeline.find_arrows(results):
        answers.setdefault(id(arrow.wait), []).append((arrow.message.time, arrow.message.sender))
    items = [
        _wait(wait, results.last, sorted(answers.get(id(wait), ()))) for wait in results.waits
    ]
    items += [_message(message) for message in results.messages]
    for node in results.nodes.values():
        items += _of_node(node, results.last)
    return sorted(items, key=lambda item: float(item["start"]))


def _of_node(node: NodeRecord, now: float) -> Iterator[Item]:
    for action in node.actions.values():
        if action.started is not None:
            yield _action(node, action, now)
    for boot in node.boots:
        yield _boot(node, boot, now)
    for kind, spans in (("definition", node.definitions), ("step", node.steps)):
        for span in spans:
            yield _item(node.name, kind, span.started, span.finished, now, "", span.name)
    for case in node.cases:
        yield _case(node, case, now)


def _action(node: NodeRecord, action: ActionRecord, now: float) -> Item:
    end = action.finished if action.status else None
    detail = action.error or ""
    result = action.status or ""
    return _item(
        node.name, "action", action.started or 0.0, end, now, result, action.command, detail
    )


def _boot(node: NodeRecord, boot: BootRecord, now: float) -> Item:
    label = f"boot {boot.attempt} of {boot.of}" if boot.attempt > 1 or boot.error else "boot"
    result, error = boot.status or "", boot.error or ""
    return _item(node.name, "boot", boot.started, boot.finished, now, result, label, error)


def _case(node: NodeRecord, case: CaseRecord, now: float) -> Item:
    start, end = case.start, case.end
    if case.of_wait or start is None or end is None or not 0 <= start <= end <= now:
        start = end = case.time
    measured = "" if case.measurement is None else f"{case.measurement} {case.units or ''}".strip()
    return _item(node.name, "case", start, end, now, case.result, case.full_name, measured)


def _wait(wait: WaitRecord, now: float, answers: Iterable[tuple[float, str]]) -> Item:
    result = {"done": "pass", None: ""}.get(wait.outcome, "fail")
    missing = ", ".join(missing_words(wait.missing)) or "another device"
    detail = f"{wait.seconds(now):.3f} s for {missing}\n{wait.sentence}".rstrip()
    item = _item(wait.node, "wait", wait.asked, wait.answered, now, result, wait.command, detail)
    item["from"] = [[plain(sender), time] for time, sender in answers]
    return item


def _message(message: MessageRecord) -> Item:
    data = "\n".join(f"{key}={value}" for key, value in message.data.items())
    time = message.time
    return _item(message.sender, "message", time, time, time, "", f"sent {message.id}", data)


def _item(
    node: str,
    kind: str,
    start: float,
    end: float | None,
    now: float,
    result: str,
    label: str,
    detail: str = "",
) -> Item:
    is_open = end is None
    item: Item = {
        "node": plain(node),
        "kind": kind,
        "start": start,
        "end": max(start, now if end is None else end),
        "result": "skip" if result == "skipped" else result or ("open" if is_open else ""),
        "label": one_line(label)[:MAX_LABEL_CHARS],
    }
    if is_open:
        item["open"] = True
    if detail:
        item["detail"] = plain(detail)[:MAX_DETAIL_CHARS]
    return item
