"""The same lava-sync of many devices in a row, as at a barrier: taken together.

By itself each call costs several times as much as what it changes: it is checked, and all
that could wait for its message is looked for. Here that is done once for all of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .rules import MAX_WAITS
from .topics import Wait
from .transitions import WAITING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from .api import Call
    from .members import Roster
    from .messages import Messages
    from .waiting import Pending

#: So few of them are not worth a look.
FEW = 3
#: (node, ticket) of a call.
Asker = tuple[str, "Any"]


def arrive(
    roster: Roster,
    messages: Messages,
    pending: Pending,
    call: Call,
    askers: Sequence[Asker],
    now: float,
    due: float,
) -> list[Wait]:
    """Take `call`, a lava-sync without data, of those of `askers` who only have to be noted.

    They wait now, and nobody is released. They are the first ones, up to one that needs a
    closer look. For them all that `Group.call` looks at is known: they are members that
    still run, as nobody is lost; nothing waits for their messages but the rendezvous at
    which they arrive next, all at the same; and afterwards two are still absent there.
    """
    topic = messages.topic(call.id)
    if roster.lost or topic.any or topic.next or len(askers) < FEW:
        return []
    members, count = roster.members, topic.count
    before = count.get(askers[0][0], 0)
    level = before + 1
    buckets = topic.all.get(level, {})
    if buckets.keys() != {None}:
        return []
    absent = buckets[None].absent
    waits: list[Wait] = []
    for node, ticket in askers[: max(0, min(len(absent) - 2, messages.room))]:
        if (
            node not in absent
            or count.get(node, 0) != before
            or members[node].waiting >= MAX_WAITS
        ):
            break
        del absent[node]
        waits.append(Wait(ticket, node, call, now, level, WAITING))
    if waits:
        messages.add_all([wait.node for wait in waits], call)
        pending.add_all(waits, topic, buckets[None], due)
    return waits
