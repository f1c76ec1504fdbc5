"""Lines of boards that reach the coordinator over their own network -> questions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..multinode.board_words import format_answer
from . import board_protocol
from .protocol import LineError
from .questions import Way

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..multinode.api import Call
    from ..multinode.group import Group
    from .access import Door
    from .error_replies import Refusals
    from .protocol import Line
    from .tickets import Caller


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
            asked = board_protocol.read(line)
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
        peer.write(board_protocol.acknowledgement(asked))
        way = Way(
            caller,
            None,
            asked,
            lambda outcome, call: board_protocol.answer(asked.id, format_answer(call, outcome)),
        )
        self._ask(node, asked.id, asked.call, way, now)
