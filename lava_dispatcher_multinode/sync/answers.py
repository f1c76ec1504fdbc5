"""What follows from the rules: answers to who waits, and news for the reporter."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .events import Arrival
from .reporter import MAX_MISSING
from .topic import Wait

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .events import Event, Message
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
            if isinstance(event, Wait) and event.outcome is not None:
                event.ticket.answer(event.call, event.outcome)
            if told:
                for part in event.each() if isinstance(event, Arrival) else (event,):
                    self._tell(part)

    def _tell(self, event: Message | Wait) -> None:
        missing: Sequence[str] = ()
        if isinstance(event, Wait) and event.outcome is None:
            missing = self._group.missing(event.ticket, MAX_MISSING)
        self._reporter.happened(event, missing)
