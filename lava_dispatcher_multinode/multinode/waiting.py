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
    from .topics import Bucket, Topic, Wait

#: The heap may hold so many calls that have ended before it is rebuilt.
SLACK = 64


class Pending:
    """Keeps the same wait in all the places where it is looked for."""

    def __init__(self, roster: Roster, messages: Messages) -> None:
        self._roster = roster
        self._messages = messages
        self._waits: dict[Hashable, Wait] = {}
        # What is due together; with calls that have ended since.
        self._heap: list[tuple[float, int, list[Wait]]] = []
        self._noted = 0  # calls in the heap, at most
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
        """Take a call that waits until `due`."""
        topic.park(wait)
        self._count_in([wait], due)

    def add_all(self, waits: list[Wait], topic: Topic, bucket: Bucket, due: float) -> None:
        """Take calls that all wait until `due` for `bucket`, in which others wait already."""
        bucketed = bucket.waits
        for wait in waits:
            wait.topic, wait.bucket = topic, bucket
            bucketed[wait.ticket] = wait
        self._count_in(waits.copy(), due)

    def _count_in(self, waits: list[Wait], due: float) -> None:
        """Take calls; the list is ours from now on."""
        pending, members = self._waits, self._roster.members
        for wait in waits:
            pending[wait.ticket] = wait
            member = members[wait.node]
            if not member.waiting:
                self._members += 1
            member.waiting += 1
        if due < math.inf:
            self._serial += 1
            heappush(self._heap, (due, self._serial, waits))
            self._noted += len(waits)
            if self._noted > 2 * len(pending) + SLACK:
                self._forget_ended()

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
            self._noted = 0

    def _forget_ended(self) -> None:
        """Keep only what still waits in the heap: an ended call holds on to who asked it."""
        self._heap = [
            (due, serial, left)
            for due, serial, waits in self._heap
            if (left := [wait for wait in waits if wait.topic is not None])
        ]
        heapq.heapify(self._heap)
        self._noted = sum(len(waits) for _, _, waits in self._heap)

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
            due, _, waits = heap[0]
            if _still(waits):
                return due
            heapq.heappop(heap)
        return None

    def expired(self, now: float) -> list[Wait]:
        """Return those whose time is over; they are told once."""
        found: list[Wait] = []
        while (due := self.due()) is not None and due <= now:
            found += [wait for wait in heapq.heappop(self._heap)[2] if wait.topic is not None]
        return found


def _still(waits: list[Wait]) -> bool:
    """Whether any of them waits; the last ones that do not are forgotten."""
    while waits and waits[-1].topic is None:
        waits.pop()
    return bool(waits)
