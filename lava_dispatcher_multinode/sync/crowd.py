"""The same lava-sync of many devices in a row, as at a barrier: taken together.

By itself each call costs several times as much as what it changes: it is checked, and all
that could wait for its message is looked for. Here that is done once for all of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .calls import new
from .events import Message
from .rules import MAX_WAITS
from .topic import Wait
from .transitions import WAITING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from .calls import Call
    from .events import Event
    from .messages import Messages
    from .pending import Pending
    from .roster import Roster
    from .topic import Topic

#: So few of them are not worth a look.
FEW = 3
#: (node, ticket) of a call.
Asker = tuple[str, "Any"]


def ordinary(roster: Roster, messages: Messages, topic: Topic, askers: Sequence[Asker]) -> int:
    """Return how many of the first `askers` only have to be noted: they wait, nobody is released.

    For those, all that `Group.call` looks at is known: they are members that still run, as
    nobody is lost; nothing waits for their messages but the rendezvous at which they arrive
    next, all at the same; and afterwards two are still absent there.
    """
    if roster.lost or topic.any or topic.next or len(askers) < FEW:
        return 0
    members, count = roster.members, topic.count
    level = count.get(askers[0][0], 0) + 1
    buckets = topic.all.get(level, {})
    if buckets.keys() != {None}:
        return 0
    absent = buckets[None].absent
    most = min(len(askers), len(absent) - 2, messages.room)
    seen = set()
    for node, _ in askers[: max(most, 0)]:
        if (
            node not in absent
            or node in seen
            or count.get(node, 0) != level - 1
            or members[node].waiting >= MAX_WAITS
        ):
            break
        seen.add(node)
    return len(seen)


def arrive(
    messages: Messages,
    pending: Pending,
    topic: Topic,
    call: Call,
    askers: Sequence[Asker],
    now: float,
    due: float,
) -> list[Event]:
    """Take `call`, which bears no data, of `askers`, who are all ordinary."""
    message_id, data = call.id, call.data
    nodes = [node for node, _ in askers]
    level = messages.add_all(nodes, call)
    bucket = topic.all[level][None]
    waits: list[Wait] = []
    events: list[Event] = []
    for node, ticket in askers:
        del bucket.absent[node]
        wait = Wait(ticket, node, call, now, level, WAITING)
        waits.append(wait)
        events += (new(Message, (message_id, node, data)), wait)
    pending.add_all(waits, topic, bucket, due)
    return events
