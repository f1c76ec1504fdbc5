"""The calls of a group that wait, and when their time is over."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from .deadlines import Deadlines

if TYPE_CHECKING:
    from collections.abc import Hashable

    from .messages import Messages
    from .roster import Roster
    from .topic import Topic, Wait


class Pending:
    """Keeps the same wait in all the places where it is looked for."""

    def __init__(self, roster: Roster, messages: Messages) -> None:
        self._roster = roster
        self._messages = messages
        self._waits: dict[Hashable, Wait] = {}
        self._deadlines: Deadlines[Hashable] = Deadlines()
        self._members = 0  # with at least one wait

    def get(self, ticket: Hashable) -> Wait | None:
        """Return the wait with this ticket, if it still waits."""
        return self._waits.get(ticket)

    def all(self) -> list[Wait]:
        """Return all that wait, oldest first."""
        return list(self._waits.values())

    def add(self, wait: Wait, topic: Topic, due: float) -> None:
        """Take a call that waits until `due`."""
        topic.park(wait)
        self._waits[wait.ticket] = wait
        waits = self._roster.members[wait.node].waits
        if not waits:
            self._members += 1
        waits[wait.ticket] = wait
        if due < math.inf:
            self._deadlines.set(wait.ticket, due)

    def remove(self, wait: Wait) -> None:
        """Take a call out that waits no longer."""
        del self._waits[wait.ticket]
        self._deadlines.discard(wait.ticket)
        waits = self._roster.members[wait.node].waits
        del waits[wait.ticket]
        if not waits:
            self._members -= 1
        topic = wait.topic
        if topic is not None:
            topic.unpark(wait)
            if not topic.log:
                self._messages.forget_unused(wait.call.id)

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
        return self._deadlines.next()

    def expired(self, now: float) -> list[Wait]:
        """Return those whose time is over."""
        return [self._waits[ticket] for ticket in self._deadlines.expired(now)]
