"""Summarises a failed run: the answers at the top of the report page.

The first failures, the console output before the first one, the calls that waited for that
node, the messages, and the changes since another run. Sentences are data: a page turns their
`ConsoleLink` parts into links.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from . import verdict
from .failures import (
    find_failures,
    find_waits_for,
    group_by_reason,
    group_by_subject,
    reason_suffix,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .consoles import Consoles
    from .failures import Failure
    from .results import Results
    from .run_model import WaitRecord

MAX_NAMED = 6  # failures, waits or nodes; further ones are counted


@dataclass(frozen=True)
class ConsoleLink:
    """A link to one second of a node's console."""

    text: str
    node: str
    time: float


Sentence = tuple[str | ConsoleLink, ...]


@dataclass(frozen=True)
class Answer:
    """A heading with its sentences and console lines."""

    heading: str
    sentences: Sequence[Sentence] = ()
    console: Sequence[str] = field(default=())


def summarise_failures(
    results: Results, consoles: Consoles, changes: Sequence[Sentence] | None = None
) -> list[Answer]:
    """Return the answers; `changes` are those since another run, None without one."""
    found = find_failures(results)
    answers = []
    if found:
        first = found[0]
        answers = [
            Answer("First failure of each node", _first(found)),
            Answer(
                f"Output of {first.node}",
                _printed(first) if (lines := consoles.around(first.node, first.time)) else _SILENT,
                lines,
            ),
            Answer(f"Waits for {first.node}", _waited(results, first.node)),
        ]
    else:
        answers = [Answer("Failures", _nothing(results))]
    answers.append(Answer("Messages", _messages(results)))
    if changes is not None:
        none: tuple[Sentence, ...] = (("None.",),)
        answers.append(Answer("Changes since the other run", changes or none))
    return answers


_SILENT: tuple[Sentence, ...] = (("No console output before the failure.",),)
_ENDINGS = {
    None: "not answered",
    "done": "done",
    "never": "unsatisfiable",
    "timeout": "timed out",
}


def _printed(first: Failure) -> list[Sentence]:
    return [(ConsoleLink(f"Console at {first.time:.3f} s", first.node, first.time), ":")]


def _first(found: Sequence[Failure]) -> list[Sentence]:
    """Return one sentence per group of equal first failures, the earliest first."""
    kinds = group_by_reason(_one_per_node(found))
    sentences: list[Sentence] = [_kind(kinds[0])]
    sentences += [("then ", *_kind(kind)) for kind in kinds[1:MAX_NAMED]]
    if len(kinds) > MAX_NAMED:
        sentences.append((f"and {sum(map(len, kinds[MAX_NAMED:]))} more nodes",))
    return sentences


def _kind(kind: Sequence[Failure]) -> Sentence:
    parts: list[str | ConsoleLink] = []
    things = group_by_subject(kind)
    for what, failed in list(things.items())[:MAX_NAMED]:
        parts += ["; " if parts else "", *join_links([_place(failure) for failure in failed])]
        parts.append(f": {what}")
    more = f"; and {len(things) - MAX_NAMED} more" if len(things) > MAX_NAMED else ""
    return (*parts, more + reason_suffix(kind))


def _place(failure: Failure) -> ConsoleLink:
    return ConsoleLink(f"{failure.node} at {failure.time:.3f} s", failure.node, failure.time)


def join_links(places: Sequence[ConsoleLink]) -> list[str | ConsoleLink]:
    """Return a list of links with commas between them; further ones are counted."""
    shown: list[str | ConsoleLink] = [places[0]]
    for place in places[1:MAX_NAMED]:
        shown += [", ", place]
    return shown if len(places) <= MAX_NAMED else [*shown, f" and {len(places) - MAX_NAMED} more"]


def _one_per_node(found: Sequence[Failure]) -> list[Failure]:
    by_node: dict[str, Failure] = {}
    for failure in found:
        by_node.setdefault(failure.node, failure)
    return list(by_node.values())


def _waited(results: Results, name: str) -> list[Sentence]:
    waits = find_waits_for(results, name)
    sentences = [_wait(wait, results.last) for wait in waits[:MAX_NAMED]]
    if len(waits) > MAX_NAMED:
        sentences.append((f"and {len(waits) - MAX_NAMED} more calls",))
    return sentences or [("None.",)]


def _wait(wait: WaitRecord, now: float) -> Sentence:
    place = ConsoleLink(f"{wait.node} from {wait.asked:.3f} s", wait.node, wait.asked)
    ending = _ENDINGS.get(wait.outcome, wait.outcome)
    return (place, f": {wait.command}: waited {wait.seconds(now):.3f} s, {ending}")


def _nothing(results: Results) -> list[Sentence]:
    code = verdict.exit_code(results)
    if not results.over:
        return [("No failures so far.",)]
    return [(f"None. Result: {verdict.MEANING[code]}.",)]


def _messages(results: Results) -> list[Sentence]:
    if not results.messages:
        return [("No message was sent.",)]
    from .timeline import find_arrows

    receivers: dict[str, set[str]] = {}
    for arrow in find_arrows(results):
        receivers.setdefault(arrow.message.id, set()).add(arrow.wait.node)
    senders: dict[str, list[ConsoleLink]] = {}
    for message in results.messages:
        where = ConsoleLink(message.sender, message.sender, message.time)
        senders.setdefault(message.id, []).append(where)
    sentences: list[Sentence] = []
    for name, places in list(senders.items())[: 2 * MAX_NAMED]:
        to = sorted(receivers.get(name, ()))
        names = ", ".join(to) if len(to) <= MAX_NAMED else f"{len(to)} nodes"
        released = f" \N{RIGHTWARDS ARROW} {names}" if to else " (no receiver)"
        sentences.append((f"{name}: ", *join_links(places), released))
    if len(senders) > 2 * MAX_NAMED:
        sentences.append((f"and {len(senders) - 2 * MAX_NAMED} more IDs",))
    return sentences
