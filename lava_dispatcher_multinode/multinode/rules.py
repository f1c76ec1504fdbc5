"""When is a call refused, satisfied or hopeless, and whom does it miss: pure functions."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from . import reasons
from .api import SEND, SYNC, WAIT
from .call_checks import call_problem
from .transitions import ACTIVE

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from .api import Call
    from .members import Roster
    from .messages import Messages
    from .topics import Data, Topic, Wait

#: Calls of one member that wait at the same time.
MAX_WAITS = 1000


def refusal(
    roster: Roster, messages: Messages, node: str, call: Call, *, sound: bool = False
) -> str:
    """Return why `node` may not make `call`, or ""; `sound`: what the call says is all right."""
    member = roster.members.get(node)
    if member is None:
        return f"'{node}' is not a device of the group"
    if member.state is not ACTIVE:
        return f"{node} has {member.state} and is out of the group"
    if not sound and (problem := call_problem(call)):
        return problem
    api = call.api
    if api is not SEND and member.waiting >= MAX_WAITS:
        return f"{node} has {MAX_WAITS} calls waiting; no more are allowed"
    return messages.problem(call) if api is SYNC or api is SEND else ""


def satisfied(roster: Roster, topic: Topic, wait: Wait) -> Data | None:
    """Return what `wait` is told, or None if it has to wait."""
    call = wait.call
    if call.next:
        message = topic.unread(wait.node)
        return None if message is None else (message,)
    if call.api is WAIT:
        return tuple(topic.others(wait.node)) or None
    if not roster.complete or not content(absent(roster, topic, wait), wait):
        return None
    return gathered(roster, topic, wait)


def absent(roster: Roster, topic: Topic, wait: Wait) -> dict[str, None]:
    """Return who of the role, the caller too, has not sent as often as `wait` needs."""
    return topic.bucket(wait, roster.scope(wait.call.role)).absent


def content(absent: Collection[str], wait: Wait) -> bool:
    """Whether nobody is absent but the caller: nobody waits for itself."""
    return not absent or (len(absent) == 1 and wait.node in absent)


def gathered(roster: Roster, topic: Topic, wait: Wait) -> Data:
    """Return what a satisfied lava-wait-all or lava-sync is told."""
    if not topic.filled and wait.call.api is SYNC:
        return ()  # else a barrier of N devices would make N * N empty entries
    role = wait.call.role
    return tuple(pair for pair in topic.others(wait.node) if roster.in_scope(pair[0], role))


def missing(roster: Roster, topic: Topic, wait: Wait, most: int | None = None) -> list[str]:
    """Return whom `wait` waits for; any of them will do for a lava-wait.

    Of more than `most` the rest is "N more", and costs nothing: in a barrier of N devices
    each of N waits is told of.
    """
    names: Iterable[str]
    if wait.call.api is WAIT:
        names = (name for name in roster.members if roster.is_active(name))
        count = roster.active - roster.is_active(wait.node)
    else:
        names = absent(roster, topic, wait)
        count = len(names) - (wait.node in names)
    found = list(islice((name for name in names if name != wait.node), most))
    if more := count - len(found):
        found.append(f"{more} more")
    if unknown := roster.size - len(roster.members):
        found.append(f"{unknown} not yet joined")
    return found


def hopeless(roster: Roster, topic: Topic, wait: Wait) -> str:
    """Return why `wait`, which is not satisfied, can never be; or "" while it can."""
    if not roster.lost and (wait.call.api is not WAIT or roster.size > 1):
        return ""
    lost = [member for name, member in roster.lost.items() if name != wait.node]
    if wait.call.api is WAIT:
        if not roster.complete or roster.active > roster.is_active(wait.node):
            return ""
    else:
        needed = absent(roster, topic, wait)
        lost = [member for member in lost if member.name in needed]
    losses = [
        reasons.lost(member.name, member.failure, wait.call, topic.count.get(member.name, 0))
        for member in lost
    ]
    return reasons.nobody_left(losses) if wait.call.api is WAIT else reasons.losses_of(losses)
