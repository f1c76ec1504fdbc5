"""The calls of a group that wait, and their deadlines."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from .deadlines import Deadlines

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable

    from .members import Members
    from .topics import MemberCall, Topic, Topics


class WaitingCalls:
    """Keeps a call in every index in which it is looked up while it waits."""

    def __init__(self, members: Members, topics: Topics) -> None:
        self._members = members
        self._topics = topics
        self._calls: dict[Hashable, MemberCall] = {}
        self._deadlines: Deadlines[Hashable] = Deadlines()
        self._waiting_members = 0  # with at least one call that waits

    def get(self, reply_to: Hashable) -> MemberCall | None:
        """Return the call with this `reply_to`, if it still waits."""
        return self._calls.get(reply_to)

    def all(self) -> list[MemberCall]:
        """Return all calls that wait, oldest first."""
        return list(self._calls.values())

    def of(self, node: str) -> list[MemberCall]:
        """Return the calls of one member, oldest first."""
        return [pending for pending in self._calls.values() if pending.node == node]

    def add(self, pending: MemberCall, topic: Topic, due: float) -> None:
        """Add a call that waits for messages of `topic` until `due`."""
        topic.add_waiter(pending)
        self._calls[pending.reply_to] = pending
        member = self._members.by_name[pending.node]
        if not member.waiting:
            self._waiting_members += 1
        member.waiting += 1
        if due < math.inf:
            self._deadlines.set(pending.reply_to, due)

    def remove(self, pending: MemberCall) -> None:
        """Remove a call that no longer waits."""
        self._discount((pending,))
        self._topics.get(pending.call.id).remove_waiter(pending)
        self._topics.forget_unused(pending.call.id)

    def release(self, topic: Topic, required_count: int, role: str | None) -> list[MemberCall]:
        """Remove and return all calls of a barrier."""
        barrier = topic.remove_barrier(required_count, role)
        released = list(barrier.waiters.values())
        barrier.waiters.clear()  # breaks the reference cycle of barrier and call
        self._discount(released)
        return released

    def _discount(self, ended: Iterable[MemberCall]) -> None:
        calls, members = self._calls, self._members.by_name
        for pending in ended:
            del calls[pending.reply_to]
            self._deadlines.discard(pending.reply_to)
            member = members[pending.node]
            member.waiting -= 1
            if not member.waiting:
                self._waiting_members -= 1

    def expect(self, name: str, role: str) -> None:
        """Make the calls that need every device of a role, or of the group, need a new one."""
        for pending in self._calls.values():
            if pending.barrier is not None and pending.call.role in {None, role}:
                pending.barrier.absent[name] = None

    @property
    def all_members_wait(self) -> bool:
        """True if every member that still runs has a call that waits, and there is one."""
        return 0 < self._waiting_members == self._members.active

    def next_deadline(self) -> float | None:
        """Return the soonest deadline of a call."""
        return self._deadlines.next()

    def expired(self, now: float) -> list[MemberCall]:
        """Return the calls that are due at `now`, soonest first, each once."""
        return [self._calls[reply_to] for reply_to in self._deadlines.expired(now)]
