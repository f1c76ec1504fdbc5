"""What follows from the rules: answers to who waits, and news for the reporter."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..multinode.topics import MemberCall
from .observer import MAX_NAMED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..multinode.group import Group
    from ..multinode.topics import Event, Message
    from .observer import Reporter


class Answers:
    """Gives them."""

    def __init__(self, group: Group, reporter: Reporter) -> None:
        self._group = group
        self._reporter = reporter

    def give(self, events: Sequence[Event]) -> None:
        """Have all of `events` told if there is who wants to know; answer the calls that ended.

        The events are told first: what they tell has happened before anything that the
        answers bring about.
        """
        ended = [event for event in events if isinstance(event, MemberCall) and event.outcome]
        if self._reporter.observer is not None:
            for event in events:
                self._note(event)
            if ended:
                self._reporter.tell(len(self._reporter))
        for wait in ended:
            assert wait.outcome is not None
            wait.reply_to.answer(wait.call, wait.outcome)

    def _note(self, event: Message | MemberCall) -> None:
        missing = None
        if isinstance(event, MemberCall) and event.outcome is None:
            missing = self._group.missing(event.reply_to, MAX_NAMED)
        self._reporter.happened(event, missing)
