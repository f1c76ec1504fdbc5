"""The rules by which a call is refused, satisfied or unsatisfiable: pure functions."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from .api import Loss, Missing, call_problem
from .transitions import ACTIVE

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from .api import Call, Data
    from .members import Members
    from .topics import MemberCall, Topic, Topics

#: Calls of one member that wait at the same time.
MAX_WAITS = 1000


def refusal(
    members: Members, topics: Topics, node: str, call: Call, *, checked: bool = False
) -> str:
    """Return why `node` may not make `call`, or ""; `checked`: `call_problem` found nothing."""
    member = members.by_name.get(node)
    if member is None:
        return f"'{node}' is not a device of the group"
    if member.state is not ACTIVE:
        return f"{node} has {member.state} and is out of the group"
    if not checked and (problem := call_problem(call)):
        return problem
    spec = call.api.spec
    if spec.waits and member.waiting >= MAX_WAITS:
        return f"{node} has {MAX_WAITS} calls waiting; no more are allowed"
    return topics.problem(call) if spec.sends else ""


def satisfied(members: Members, topic: Topic, pending: MemberCall) -> Data | None:
    """Return the data that `pending` receives, or None if it has to wait."""
    call = pending.call
    if call.next:
        message = topic.unread(pending.node)
        return None if message is None else ((message.sender, message.data),)
    if not call.api.spec.needs_all:
        return tuple(topic.others(pending.node)) or None
    if not members.complete or not all_arrived(absent(members, topic, pending), pending):
        return None
    return collected(members, topic, pending)


def absent(members: Members, topic: Topic, pending: MemberCall) -> dict[str, None]:
    """Return the devices of the role, the caller included, that have not sent often enough."""
    return topic.barrier(pending, members.scope(pending.call.role)).absent


def all_arrived(absent: Collection[str], pending: MemberCall) -> bool:
    """Return True if every required member except the caller has arrived."""
    return not absent or (len(absent) == 1 and pending.node in absent)


def collected(members: Members, topic: Topic, pending: MemberCall) -> Data:
    """Return the data that a satisfied lava-wait-all or lava-sync receives."""
    if not topic.filled and pending.call.api.spec.counts:
        return ()  # a barrier of N devices would make N * N empty entries
    role = pending.call.role
    return tuple(pair for pair in topic.others(pending.node) if members.in_scope(pair[0], role))


def missing(
    members: Members, topic: Topic, pending: MemberCall, most: int | None = None
) -> Missing:
    """Return the devices that `pending` waits for, `most` of them by name.

    Any of them can satisfy a lava-wait. Without `most`, the N waits of a barrier of N
    devices would list N names each.
    """
    names: Iterable[str]
    if pending.call.api.spec.needs_all:
        names = absent(members, topic, pending)
        count = len(names) - (pending.node in names)
    else:
        names = (name for name in members.by_name if members.is_active(name))
        count = members.active - members.is_active(pending.node)
    first = islice(names, None if most is None else most + 1)
    found = [name for name in first if name != pending.node][:most]
    return Missing(tuple(found), count - len(found), members.size - len(members.by_name))


def unsatisfiable(members: Members, topic: Topic, pending: MemberCall) -> tuple[Loss, ...] | None:
    """Return the lost devices for which `pending` can never be satisfied; None while it can."""
    needs_all = pending.call.api.spec.needs_all
    if not members.lost and (needs_all or members.size > 1):
        return None
    lost = [member for name, member in members.lost.items() if name != pending.node]
    if needs_all:
        needed = absent(members, topic, pending)
        lost = [member for member in lost if member.name in needed]
        if not lost:
            return None
    elif not members.complete or members.active > members.is_active(pending.node):
        return None
    return tuple(
        Loss(member.name, member.failure, topic.count.get(member.name, 0)) for member in lost
    )
