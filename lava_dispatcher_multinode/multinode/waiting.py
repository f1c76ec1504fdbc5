"""The calls of a group that wait, and when their time is over."""

from __future__ import annotations

import heapq
import math
from heapq import heappush
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable

    from .members import Roster
    from .messages import Messages
    from .topics import Topic, Wait

#: The heap may hold so many calls that have ended before it is rebuilt.
SLACK = 64


class Pending:
    """Keeps the same wait in all the places where it is looked for."""

    def __init__(self, roster: Roster, messages: Messages) -> None:
        self._roster = roster
        self._messages = messages
        self._waits: dict[Hashable, Wait] = {}
        # With calls that have ended since.
        self._heap: list[tuple[float, int, Wait]] = []
        self._serial = 0  # orders equal times
        self._members = 0  # with at least one wait

    def get(self, ticket: Hashable) -> Wait | None:
        """Return the wait with this ticket, if it still waits."""
        return self._waits.get(ticket)

    def all(self) -> list[Wait]:
        """Return all that wait, oldest first."""
        return list(self._waits.values())

    def of(self, node: str) -> list[Wait]:
        """Return those of one member, oldest first."""
        return [wait for wait in self._waits.values() if wait.node == node]

    def add(self, wait: Wait, topic: Topic, due: float) -> None:
        """Add a call that waits for `topic` until `due`."""
        topic.park(wait)
        self._waits[wait.ticket] = wait
        member = self._roster.members[wait.node]
        if not member.waiting:
            self._members += 1
        member.waiting += 1
        if due < math.inf:
            self._serial += 1
            heap = self._heap
            heappush(heap, (due, self._serial, wait))
            if len(heap) > 2 * len(self._waits) + SLACK:
                self._heap = [entry for entry in heap if entry[2].topic is not None]
                heapq.heapify(self._heap)

    def remove(self, wait: Wait) -> None:
        """Take a call out that waits no longer."""
        topic = wait.topic
        self._count_out((wait,))
        if topic is not None:
            topic.unpark(wait)
            if not topic.log:
                self._messages.forget_unused(wait.call.id)

    def release(self, topic: Topic, level: int, role: str | None) -> list[Wait]:
        """Take all those of a bucket out at once, and return them: they have what they need."""
        bucket = topic.close(level, role)
        waits = list(bucket.waits.values())
        bucket.waits.clear()  # they know it: nobody but the garbage collector would let them go
        self._count_out(waits)
        return waits

    def _count_out(self, waits: Iterable[Wait]) -> None:
        pending, members = self._waits, self._roster.members
        for wait in waits:
            wait.topic = None
            del pending[wait.ticket]
            member = members[wait.node]
            member.waiting -= 1
            if not member.waiting:
                self._members -= 1
        if not pending:
            self._heap.clear()

    def expect(self, name: str, role: str) -> None:
        """Let all that wait for everybody of a role wait for a newcomer, too."""
        for wait in self._waits.values():
            if wait.bucket is not None and wait.call.role in {None, role}:
                wait.bucket.absent[name] = None

    @property
    def everybody(self) -> bool:
        """Whether all the members that still run have a call that waits, and there are any."""
        return 0 < self._members == self._roster.active

    def due(self) -> float | None:
        """Return when the time of the first call is over."""
        heap = self._heap
        while heap:
            due, _, wait = heap[0]
            if wait.topic is not None:
                return due
            heapq.heappop(heap)
        return None

    def expired(self, now: float) -> list[Wait]:
        """Remove and return the calls whose time is over."""
        found: list[Wait] = []
        while (due := self.due()) is not None and due <= now:
            found.append(heapq.heappop(self._heap)[2])
        return found
