"""The failures of a run, in order of time, and the reasons that several nodes share."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..multinode.api import Cause
from . import verdict
from .run_model import COUNTING
from .safe_text import clip, first_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from .results import Results
    from .run_model import NodeRecord, WaitRecord

MAX_REASON_CHARS = 1000
#: A reason of more characters is shown once for everything that failed for it.
LONG_REASON_CHARS = 60
#: The width to which a shared reason is cut in the rows of a table.
SHORT_REASON_COLUMNS = 40


@dataclass(frozen=True)
class Failure:
    """Something that failed on a node: `what` failed, and `why` (may be empty)."""

    time: float  # seconds since the run's start
    node: str
    what: str
    why: str = ""

    def __str__(self) -> str:
        """Return what failed and why, on one line, without node and time."""
        return f"{self.what}: {self.reason}" if self.reason else self.what

    @property
    def reason(self) -> str:
        """The first line of `why`, cut to `MAX_REASON_CHARS`."""
        return first_line(self.why)[:MAX_REASON_CHARS]


def find_failures(results: Results) -> list[Failure]:
    """Return all failures, earliest first, without boots that a retry repaired."""
    found = [failure for node in results.nodes.values() for failure in _of(node, results)]
    return sorted(found, key=lambda failure: failure.time)


def group_by_reason(found: Iterable[Failure]) -> list[list[Failure]]:
    """Return the failures in groups with the same text, in the order of their first members.

    Different calls that failed for one long reason, such as a deadlock, are one group.
    """
    groups: dict[str, list[Failure]] = {}
    for failure in found:
        reason = failure.reason
        key = reason if len(reason) > LONG_REASON_CHARS else str(failure)
        groups.setdefault(key, []).append(failure)
    return list(groups.values())


def group_by_subject(group: Iterable[Failure]) -> dict[str, list[Failure]]:
    """Return the failures of a group by what failed."""
    subjects: dict[str, list[Failure]] = {}
    for failure in group:
        subjects.setdefault(failure.what, []).append(failure)
    return subjects


def reason_suffix(group: Sequence[Failure]) -> str:
    """Return the common reason of a group, as the end of a sentence."""
    if not group[0].reason:
        return ""
    return f"{'; each' if len(group_by_subject(group)) > 1 else ''}: {group[0].reason}"


def find_waits_for(results: Results, name: str) -> list[WaitRecord]:
    """Return the calls that waited for node `name`, longest first.

    If some of them failed, only those.
    """
    sent: dict[tuple[str, str], list[float]] = {}  # times, by sender and ID
    for message in results.messages:
        sent.setdefault((message.sender, message.id), []).append(message.time)
    waits = [wait for wait in results.waits if _waited(wait, name, results, sent)]
    failed = [wait for wait in waits if wait.outcome != "done"]
    return sorted(failed or waits, key=lambda wait: -wait.seconds(results.last))


def _waited(
    wait: WaitRecord, name: str, results: Results, sent: dict[tuple[str, str], list[float]]
) -> bool:
    """Return whether a call waited for node `name`, which its event may not list."""
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


def _ended_with_its_board(wait: WaitRecord, node: NodeRecord) -> bool:
    """Return whether a call ended because its board did: the action's error shows that."""
    return wait.cause == Cause.CALLER_GONE and any(
        action.status == "error" and (action.finished or 0.0) >= (wait.answered or 0.0)
        for action in node.actions.values()
    )


def _of(node: NodeRecord, results: Results) -> Iterator[Failure]:
    now = results.last
    for case in node.cases:
        # A failed call is yielded below.
        if case.result == "fail" and not verdict.is_derived(case, node):
            yield Failure(case.time, node.name, case.full_name, case.error or "")
    for wait in node.failed_waits:
        if _ended_with_its_board(wait, node):
            continue
        what, why = wait.command, wait.reason or wait.outcome or ""
        if wait.reason and wait.cause is None:  # an old event: the reason names the call
            what, why = wait.reason, ""
        yield Failure(wait.answered or wait.asked, node.name, what, why)
    shown = False
    for action in node.actions.values():
        if action.status == "error" or (action.status == "fail" and not node.count("fail")):
            time = now if action.finished is None else action.finished
            yield Failure(time, node.name, action.command, action.error or "")
            shown = True
    judged = verdict.current_status(node, results)
    if judged.status == "error" and not shown:
        what = first_line(judged.error or "") or "ended with an error"
        yield Failure(now if node.finished is None else node.finished, node.name, what)


class SharedReasons:
    """The long reasons for which calls of more than one node failed.

    A table shows each of them in full once, and its first words in the other rows.
    """

    def __init__(self, results: Results) -> None:
        nodes: dict[str, set[str]] = {}
        for node in results.nodes.values():
            for wait in node.failed_waits:
                if len(wait.reason) > LONG_REASON_CHARS:
                    nodes.setdefault(wait.reason, set()).add(node.name)
        self._reasons = {reason for reason, names in nodes.items() if len(names) > 1}

    def split(self, text: str) -> tuple[str, str]:
        """Return the text before the shared reason that `text` ends in, and that reason.

        Without such a reason, return `text` and "".
        """
        if text in self._reasons:
            return "", text
        head, colon, rest = text.partition(": ")
        return (head + colon, rest) if rest in self._reasons else (text, "")

    def shorten(self, text: str) -> str:
        """Return `text` with its shared reason cut to `SHORT_REASON_COLUMNS`."""
        head, reason = self.split(text)
        if not reason:
            return text
        return head + clip(f"{reason.partition(': ')[0]}: ..", SHORT_REASON_COLUMNS)
