"""Finds the changes from one run to another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import verdict
from .failure_summary import ConsoleLink, join_links

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .failure_summary import Sentence
    from .results import Results
    from .run_model import ActionRecord, CaseRecord, NodeRecord

    Change = tuple[ConsoleLink, str]  # where on one node, and what

MAX_CHANGES = 100
MEASUREMENT_SHARE = 0.10  # a smaller difference of a measurement is no change
TIME_SHARE = 0.25  # the same for the time of an action ...
_WORST = ("error", "fail", "skipped", "pass")
MIN_TIME_CHANGE_S = 1.0  # ... which has to be at least this long


def find_changes(before: Results, after: Results) -> list[Sentence]:
    """Return the differences of `after`, those of the worst nodes first."""
    found: list[Sentence] = []
    codes = [verdict.exit_code(results) for results in (before, after)]
    if codes[0] != codes[1]:
        found.append((f"exit code {int(codes[0])} became {int(codes[1])}",))
    pairs = list(_pairs(before, after))
    pairs.sort(key=lambda pair: _WORST.index(verdict.of_node(pair[1]).status))
    by_change: dict[str, list[ConsoleLink]] = {}  # equal changes of many nodes are one sentence
    for test in (_status, _cases, _boots, _times):
        for old, new in pairs:
            for place, what in test(old, new):
                by_change.setdefault(what, []).append(place)
    found += [(*join_links(places), f": {what}") for what, places in by_change.items()]
    found += _nodes(before, after, pairs)
    found += _messages(before, after)
    if len(found) > MAX_CHANGES:
        found[MAX_CHANGES:] = [(f"and {len(found) - MAX_CHANGES} more",)]
    return found


def sentence_text(sentence: Sentence) -> str:
    """Return a sentence as text."""
    return "".join(part if isinstance(part, str) else part.text for part in sentence)


def _pairs(before: Results, after: Results) -> Iterator[tuple[NodeRecord, NodeRecord]]:
    """Pair nodes by name, and exchanged boards by their position in the role."""
    left = {name: node for name, node in before.nodes.items() if name not in after.nodes}
    for name, node in after.nodes.items():
        old = before.nodes.get(name)
        if old is None:
            old = next((n for n in left.values() if n.role == node.role), None)
            if old is None:
                continue
            del left[old.name]
        yield old, node


def _status(old: NodeRecord, new: NodeRecord) -> Iterator[Change]:
    was, now = verdict.of_node(old), verdict.of_node(new)
    if was.status != now.status:
        place = ConsoleLink(new.name, new.name, new.finished or 0.0)
        yield place, f"{was.status} became {now.status}"


def _cases(old: NodeRecord, new: NodeRecord) -> Iterator[Change]:
    was, now = _last(old), _last(new)
    for key, case in now.items():
        earlier = was.get(key)
        if earlier is None:
            change = f"new, {case.result}"
        elif earlier.result != case.result:
            change = f"{earlier.result} became {case.result}"
        else:
            change = _measurement(earlier, case)
        if change:
            yield ConsoleLink(new.name, new.name, case.time), f"{case.full_name}: {change}"
    end = ConsoleLink(new.name, new.name, new.finished or 0.0)
    for key, case in was.items():
        if key not in now:
            yield end, f"{case.full_name}: missing, was {case.result}"


def _last(node: NodeRecord) -> dict[Any, CaseRecord]:
    return {(case.definition, case.set, case.case): case for case in node.cases}


def _measurement(old: CaseRecord, new: CaseRecord) -> str:
    was, now = old.measurement, new.measurement
    numbers = isinstance(was, int | float) and isinstance(now, int | float)
    if was == now or (
        numbers and not _differs(float(was or 0), float(now or 0), MEASUREMENT_SHARE)
    ):
        return ""
    return f"{was} became {now} {new.units or ''}".rstrip()


def _boots(old: NodeRecord, new: NodeRecord) -> Iterator[Change]:
    was, now = (sum(boot.status == "error" for boot in node.boots) for node in (old, new))
    if was != now:
        place = ConsoleLink(new.name, new.name, new.boots[0].started if new.boots else 0.0)
        yield place, f"{was} failed boots became {now}"


def _times(old: NodeRecord, new: NodeRecord) -> Iterator[Change]:
    for index, action in new.actions.items():
        earlier = old.actions.get(index)
        if earlier is None or earlier.command != action.command:
            continue
        was, now = _seconds(earlier), _seconds(action)
        if _differs(was, now, TIME_SHARE) and abs(now - was) >= MIN_TIME_CHANGE_S:
            place = ConsoleLink(new.name, new.name, action.started or 0.0)
            yield place, f"{action.command}: {was:.1f} s became {now:.1f} s"


def _seconds(action: ActionRecord) -> float:
    return action.seconds or 0.0


def _differs(was: float, now: float, share: float) -> bool:
    return abs(now - was) > share * max(abs(was), abs(now))


def _nodes(
    before: Results, after: Results, pairs: list[tuple[NodeRecord, NodeRecord]]
) -> Iterator[Sentence]:
    for old, new in pairs:
        if old.name != new.name:
            yield (f"{new.name} replaces {old.name}",)
    paired = {name for pair in pairs for name in (pair[0].name, pair[1].name)}
    yield from ((f"node {name} is new",) for name in after.nodes if name not in paired)
    yield from ((f"node {name} is missing",) for name in before.nodes if name not in paired)


def _messages(before: Results, after: Results) -> Iterator[Sentence]:
    was, now = ({message.id: None for message in results.messages} for results in (before, after))
    yield from ((f"message {name} is new",) for name in now if name not in was)
    yield from ((f"message {name} is missing",) for name in was if name not in now)
