"""Lines of boards that reach the coordinator over their own network -> questions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import lines
from .questions import Way
from .relay import words_of
from .wire import LineError

if TYPE_CHECKING:
    from collections.abc import Callable

    from .callers import Caller
    from .calls import Call
    from .door import Door
    from .refusals import Refusals
    from .state import Group
    from .wire import Line


class BoardLines:
    """Lets a line in, or refuses it; `ask(node, tag, call, way, now)` puts its question."""

    def __init__(
        self,
        door: Door,
        group: Group,
        refusals: Refusals,
        ask: Callable[[str, str, Call, Way, float], None],
    ) -> None:
        self._door = door
        self._group = group
        self._refusals = refusals
        self._ask = ask

    def take(self, caller: Caller, line: Line, now: float) -> None:
        """Acknowledge a line, and have it answered when its call is."""
        peer = caller.peer
        try:
            asked = lines.read(line)
        except LineError as error:
            self._refusals.unreadable(peer, error)
            return
        node = asked.node
        problem = self._door.line_problem(node, asked.secret, peer)
        if problem or self._group.role_of(node) is None:
            problem = problem or f"'{node[:80]}' has not joined the group"
            self._refusals.line(peer, asked.id, problem)
            return
        peer.node = node
        peer.write(lines.acknowledgement(asked))
        way = Way(
            caller,
            None,
            asked,
            lambda outcome, call: lines.answer(asked.id, words_of(call, outcome)),
        )
        self._ask(node, asked.id, asked.call, way, now)
