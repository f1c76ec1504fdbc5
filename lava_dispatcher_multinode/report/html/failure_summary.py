"""What happened, in a few sentences: the five questions that a failed run raises.

Who failed first; what it had printed; who waited for it and how long; which
messages went where; what changed against another run. Sentences are data, so
that a page can make links of their places.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .. import verdict
from ..failures import (
    find_failures,
    find_waits_for,
    group_by_reason,
    group_by_subject,
    reason_suffix,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..consoles import Consoles
    from ..failures import Failure
    from ..results import Results
    from ..run_model import WaitRecord

MAX_NAMED = 6  # failures or waits that are told; the rest are counted


@dataclass(frozen=True)
class ConsoleLink:
    """Words that lead to a second of a node's console."""

    text: str
    node: str
    time: float


Sentence = tuple[str | ConsoleLink, ...]


@dataclass(frozen=True)
class Answer:
    """One question, its sentences, and maybe console lines."""

    question: str
    sentences: Sequence[Sentence] = ()
    console: Sequence[str] = field(default=())


def summarise_failures(
    results: Results, consoles: Consoles, changes: Sequence[Sentence] | None = None
) -> list[Answer]:
    """Return the answers; `changes` against another run, None if there is none to compare."""
    found = find_failures(results)
    answers = []
    if found:
        first = found[0]
        answers = [
            Answer("Who failed first?", _first(found)),
            Answer(
                f"What did {first.node} print then?",
                _printed(first) if (lines := consoles.around(first.node, first.time)) else _SILENT,
                lines,
            ),
            Answer(f"Who waited for {first.node}?", _waited(results, first.node)),
        ]
    else:
        answers = [Answer("Did anything fail?", _nothing(results))]
    answers.append(Answer("Which messages went where?", _messages(results)))
    if changes is not None:
        none: tuple[Sentence, ...] = (("Nothing.",),)
        answers.append(Answer("What changed since the run before?", changes or none))
    return answers


_SILENT: tuple[Sentence, ...] = (("Its console has nothing until then.",),)
_ENDINGS = {
    None: "not answered",
    "done": "answered",
    "never": "in vain",
    "timeout": "timed out",
}


def _printed(first: Failure) -> list[Sentence]:
    return [(ConsoleLink(f"Its console at {first.time:.3f} s", first.node, first.time), ":")]


def _first(found: Sequence[Failure]) -> list[Sentence]:
    """Tell each node's first failure, the very first before all; of one kind in one sentence."""
    kinds = group_by_reason(_one_per_node(found))
    sentences: list[Sentence] = [_kind(kinds[0])]
    sentences += [("then ", *_kind(kind)) for kind in kinds[1:MAX_NAMED]]
    if len(kinds) > MAX_NAMED:
        sentences.append((f"and {sum(map(len, kinds[MAX_NAMED:]))} more nodes",))
    return sentences


def _kind(kind: Sequence[Failure]) -> Sentence:
    said: list[str | ConsoleLink] = []
    things = group_by_subject(kind)
    for what, failed in list(things.items())[:MAX_NAMED]:
        said += ["; " if said else "", *join_links([_place(failure) for failure in failed])]
        said.append(f": {what}")
    more = f"; and {len(things) - MAX_NAMED} more" if len(things) > MAX_NAMED else ""
    return (*said, more + reason_suffix(kind))


def _place(failure: Failure) -> ConsoleLink:
    return ConsoleLink(f"{failure.node} at {failure.time:.3f} s", failure.node, failure.time)


def join_links(places: Sequence[ConsoleLink]) -> list[str | ConsoleLink]:
    """Return the first of many places with commas between them, and how many more there are."""
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
    return sentences or [("Nobody.",)]


def _wait(wait: WaitRecord, now: float) -> Sentence:
    place = ConsoleLink(f"{wait.node} from {wait.asked:.3f} s", wait.node, wait.asked)
    ending = _ENDINGS.get(wait.outcome, wait.outcome)
    return (place, f", {wait.seconds(now):.3f} s in {wait.command}: {ending}")


def _nothing(results: Results) -> list[Sentence]:
    code = verdict.exit_code(results)
    if not results.over:
        return [("Nothing so far; the run has not come to its end.",)]
    return [(f"No: {verdict.MEANING[code]}.",)]


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
        released = f" released {names}" if to else " released nobody"
        sentences.append((f"{name}: ", *join_links(places), released))
    if len(senders) > 2 * MAX_NAMED:
        sentences.append((f"and {len(senders) - 2 * MAX_NAMED} more IDs",))
    return sentences
