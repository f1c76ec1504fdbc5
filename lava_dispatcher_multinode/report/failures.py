"""What went wrong in a run, in order of time, and what had been said before."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..multinode.api import Api, Cause
from . import verdict
from .safe_text import clip
from .text.log_lines import first_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from .results import Results
    from .run_model import NodeRecord, WaitRecord

MAX_REASON_CHARS = 1000  # characters of a reason
LONG_REASON_CHARS = (
    60  # characters of one that is worth to be said once only, for whatever failed of it
)
#: The calls that need as many messages of each device as the caller has sent.
COUNTING = {api.value for api in Api if api.spec.counts}


@dataclass(frozen=True)
class Failure:
    """Something that failed on a node. `what` is the thing, `why` the reason, maybe empty."""

    time: float  # seconds since the run's start
    node: str
    what: str
    why: str = ""

    def __str__(self) -> str:
        """Return what failed and why, on one line, without where and when."""
        return f"{self.what}: {self.reason}" if self.reason else self.what

    @property
    def reason(self) -> str:
        """Why, on one line."""
        return first_line(self.why)[:MAX_REASON_CHARS]


def find_failures(results: Results) -> list[Failure]:
    """Return everything that failed, earliest first; a boot that a retry mended has not."""
    found = [failure for node in results.nodes.values() for failure in _of(node, results)]
    return sorted(found, key=lambda failure: failure.time)


def group_by_reason(found: Iterable[Failure]) -> list[list[Failure]]:
    """Return failures with those together that say the same, in the order of the first of each.

    Different calls that failed for one long reason say the same: a deadlock is one thing.
    """
    kinds: dict[str, list[Failure]] = {}
    for failure in found:
        reason = failure.reason
        kinds.setdefault(reason if len(reason) > LONG_REASON_CHARS else str(failure), []).append(
            failure
        )
    return list(kinds.values())


def group_by_subject(kind: Iterable[Failure]) -> dict[str, list[Failure]]:
    """Return the failures of one kind by what failed."""
    things: dict[str, list[Failure]] = {}
    for failure in kind:
        things.setdefault(failure.what, []).append(failure)
    return things


def reason_suffix(kind: Sequence[Failure]) -> str:
    """Return what follows on the failures of one kind: the reason, and that each has it."""
    if not kind[0].reason:
        return ""
    return f"{'; each' if len(group_by_subject(kind)) > 1 else ''}: {kind[0].reason}"


def find_waits_for(results: Results, name: str) -> list[WaitRecord]:
    """Return the calls that waited for `name`, those that it let down first, then the longest."""
    sent: dict[tuple[str, str], list[float]] = {}  # when who has sent what
    for message in results.messages:
        sent.setdefault((message.sender, message.id), []).append(message.time)
    waits = [wait for wait in results.waits if _waited(wait, name, results, sent)]
    let_down = [wait for wait in waits if wait.outcome != "done"]
    return sorted(let_down or waits, key=lambda wait: -wait_seconds(wait, results.last))


def _waited(
    wait: WaitRecord, name: str, results: Results, sent: dict[tuple[str, str], list[float]]
) -> bool:
    """Whether a call waited for a node; of very many that it waited for, not all are named."""
    if wait.node == name or name in wait.missing.names:
        return wait.node != name
    node = results.nodes.get(name)
    in_scope = node is not None and wait.role in {None, "", node.role}
    if not in_scope or not wait.missing.more:
        return False
    until = results.last if wait.answered is None else wait.answered
    own, others = (sent.get((node, wait.id), []) for node in (wait.node, name))
    needed = bisect_right(own, until) if wait.api in COUNTING else 1
    return bisect_right(others, wait.asked) < needed


def wait_seconds(wait: WaitRecord, now: float) -> float:
    """Return how long a call took, or has taken so far."""
    return (now if wait.answered is None else wait.answered) - wait.asked


def _went_down(wait: WaitRecord, node: NodeRecord) -> bool:
    """Whether a call ended because its own board did: that is told as the action's error."""
    return wait.cause == Cause.CALLER_GONE and any(
        action.status == "error" and (action.finished or 0.0) >= (wait.answered or 0.0)
        for action in node.actions.values()
    )


def _of(node: NodeRecord, results: Results) -> Iterator[Failure]:
    now = results.last
    for case in node.cases:
        # A call that failed is told below.
        if case.result == "fail" and not verdict.is_derived(case, node):
            yield Failure(case.time, node.name, case.full_name, case.error or "")
    for wait in node.failed_waits:
        if _went_down(wait, node):
            continue
        what, why = wait.command, wait.reason or wait.outcome or ""
        if wait.reason and wait.cause is None:  # an old event: the reason names the call
            what, why = wait.reason, ""
        yield Failure(wait.answered or wait.asked, node.name, what, why)
    told = False
    for action in node.actions.values():
        if action.status == "error" or (action.status == "fail" and not node.count("fail")):
            time = now if action.finished is None else action.finished
            yield Failure(time, node.name, action.command, action.error or "")
            told = True
    judged = verdict.current_status(node, results)
    if judged.status == "error" and not told:
        what = first_line(judged.error or "") or "ended with an error"
        yield Failure(now if node.finished is None else node.finished, node.name, what)


SHORT_REASON_COLUMNS = 40  # columns of the first words


class SharedReasons:
    """The sentences of a run for which calls of more than one node failed."""

    def __init__(self, results: Results) -> None:
        nodes: dict[str, set[str]] = {}
        for node in results.nodes.values():
            for wait in node.failed_waits:
                if len(wait.reason) > LONG_REASON_CHARS:
                    nodes.setdefault(wait.reason, set()).add(node.name)
        self._sentences = {sentence for sentence, names in nodes.items() if len(names) > 1}

    def split(self, text: str) -> tuple[str, str]:
        """Return what stands before the sentence in `text`, a call as a rule, and the sentence.

        That is empty where `text` does not end in one of them.
        """
        head, colon, rest = text.partition(": ")
        if text in self._sentences:
            return "", text
        return (head + colon, rest) if rest in self._sentences else (text, "")

    def brief(self, text: str) -> str:
        """Return `text` with the first words of its sentence, for a row of many."""
        head, sentence = self.split(text)
        if not sentence:
            return text
        return head + clip(f"{sentence.partition(': ')[0]}: ..", SHORT_REASON_COLUMNS)
