"""What follows from the rules: answers to who waits, and news for the reporter."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from .events import Answered, Waiting
from .reporter import MAX_MISSING

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable

    from .events import Event
    from .reporter import Reporter
    from .state import Group


class Answers:
    """Gives them."""

    def __init__(self, group: Group, reporter: Reporter) -> None:
        self._group = group
        self._reporter = reporter

    def give(self, events: Iterable[Event]) -> None:
        """Answer the calls that have ended; note all of `events` if there is who wants to know."""
        told = self._reporter.observer is not None
        for event in events:
            if isinstance(event, Answered):
                event.ticket.answer(event.call, event.outcome)
            if told and isinstance(event, Waiting):
                self._reporter.happened(event, self._missing(event.ticket))
            elif told:
                self._reporter.happened(event)

    def _missing(self, ticket: Hashable) -> list[str]:
        """Return whom a call waits for, but not a thousand names."""
        every = self._group.missing(ticket)
        names = list(islice(every, MAX_MISSING))
        more = sum(1 for _ in every)
        return [*names, f"{more} more"] if more else names
