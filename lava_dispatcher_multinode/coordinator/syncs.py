"""The lava-syncs of a round of the loop, which are put to the group together."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..multinode.api import Call
    from ..multinode.group import Group
    from ..multinode.topic_events import Event
    from .questions import Question
    from .tickets import Owed


class Syncs:
    """Keeps those that are the same; `do` is given what follows."""

    def __init__(self, group: Group, do: Callable[[Sequence[Event]], None]) -> None:
        self._group = group
        self._do = do
        self._call: Call | None = None
        self._askers: list[tuple[str, Owed | Question]] = []

    def add(self, node: str, call: Call, ticket: Owed | Question, now: float) -> None:
        """Take one; those before it are put if they are others."""
        if call is not self._call:
            self.put(now)
            self._call = call
        self._askers.append((node, ticket))

    def put(self, now: float) -> None:
        """Put all that there are."""
        if self._askers:
            call, askers = self._call, self._askers
            self._call, self._askers = None, []
            assert call is not None
            try:
                for events in self._group.sync_all(call, askers, now):
                    self._do(events)
            except Exception:
                for _, ticket in askers:  # who is not answered now never will be
                    ticket.caller.peer.hang_up()
                raise
