"""When is a call satisfied, whom does it miss, and when is it hopeless: pure functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import words
from .calls import Api

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .roster import Roster
    from .topic import Topic, Wait

#: (sender, data) of each, oldest sender first.
Data = tuple[tuple[str, "Mapping[str, str]"], ...]


def satisfied(roster: Roster, topic: Topic, wait: Wait) -> Data | None:
    """Return what `wait` is told, or None if it has to wait."""
    if wait.call.next:
        message = topic.unread(wait.node)
        return None if message is None else (message,)
    if wait.call.api is Api.WAIT:
        return tuple(topic.others(wait.node)) or None
    role = wait.call.role
    missing = roster.needed(role) - reached(roster, topic, wait)
    if missing > 1 or not roster.complete:
        return None
    if missing and (not roster.in_scope(wait.node, role) or topic.reaches(wait.node, wait)):
        return None  # the one that is missing is not the caller, which does not wait for itself
    return gathered(roster, topic, wait)


def gathered(roster: Roster, topic: Topic, wait: Wait) -> Data:
    """Return what a satisfied lava-wait-all or lava-sync is told."""
    if wait.call.api is Api.SYNC and not topic.filled:
        return ()  # else a barrier of N devices would make N * N empty entries
    role = wait.call.role
    return tuple(pair for pair in topic.others(wait.node) if roster.in_scope(pair[0], role))


def reached(roster: Roster, topic: Topic, wait: Wait) -> int:
    """Return how many devices of the role, the caller too, have sent as often as `wait` needs."""
    bucket = topic.all.get((wait.level, wait.call.role))
    if bucket is not None:
        return bucket.reached
    return sum(topic.reaches(name, wait) for name in roster.scope(wait.call.role))


def missing(roster: Roster, topic: Topic, wait: Wait) -> list[str]:
    """Return whom `wait` waits for; any of them will do for a lava-wait."""
    others = [name for name in roster.scope(wait.call.role) if name != wait.node]
    if wait.call.api is Api.WAIT:
        found = [name for name in others if roster.is_active(name)]
    else:
        found = [name for name in others if not topic.reaches(name, wait)]
    absent = roster.size - len(roster.members)
    return [*found, f"{absent} not yet joined"] if absent else found


def hopeless(roster: Roster, topic: Topic, wait: Wait) -> str:
    """Return why `wait`, which is not satisfied, can never be; or "" while it can."""
    if not roster.lost and (wait.call.api is not Api.WAIT or roster.size > 1):
        return ""
    lost = [member for name, member in roster.lost.items() if name != wait.node]
    if wait.call.api is Api.WAIT:
        if not roster.complete or roster.active > roster.is_active(wait.node):
            return ""
    else:
        lost = [
            member
            for member in lost
            if roster.in_scope(member.name, wait.call.role)
            and not topic.reaches(member.name, wait)
        ]
    losses = [
        words.lost(member.name, member.failure, wait.call, topic.count.get(member.name, 0))
        for member in lost
    ]
    return words.nobody_left(losses) if wait.call.api is Api.WAIT else words.losses_of(losses)
