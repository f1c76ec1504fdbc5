"""The questions of boards: answered once, on whatever way the board asked last."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from . import board_protocol
from .tickets import Ticket

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..multinode.api import Call, Outcome
    from .tickets import Caller


class Way(NamedTuple):
    """Where an answer goes: over the board's network, or through its dispatcher."""

    caller: Caller
    id: Any  # of the request, if it came in a frame
    line: board_protocol.Question | None  # if it came in a line
    frame: Callable[[Outcome, Call], bytes]  # the answer as it is sent there


class Question(Ticket):
    """One that waits."""

    __slots__ = ("_asked", "_id", "_on_answer", "way")

    def __init__(
        self,
        asked: board_protocol.Asked,
        tag: str,
        way: Way,
        on_answer: Callable[[str, Call, Outcome], None] | None,
    ) -> None:
        self._asked = asked
        self._id = tag
        self._on_answer = on_answer
        self.way = way
        way.caller.tickets.add(self)
        asked.tickets[tag] = self

    def answer(self, call: Call, outcome: Outcome) -> None:
        """Remember the answer, and send it; who has not seen the question is told before."""
        caller = self.way.caller
        if self in caller.tickets:
            caller.tickets.remove(self)
            self._asked.end(self._id, call, outcome)
            if self.way.line is not None and self._on_answer is not None:
                self._on_answer(self.way.line.node, call, outcome)
            caller.peer.write(self.way.frame(outcome, call))

    def is_for(self, _id: object) -> bool:
        """Whether it came in that request; what came in a line is nobody's to take back."""
        return self.way.line is None and bool(self.way.id == _id)

    def drop(self) -> None:
        """Let the board ask it again."""
        del self._asked.tickets[self._id]

    def move(self, way: Way) -> None:
        """Have the answer go another way: the board has connected anew, or has no network."""
        before = self.way
        self.way = way
        if before.caller is not way.caller:
            before.caller.tickets.discard(self)
            way.caller.tickets.add(self)
            if before.line is not None:
                before.caller.peer.hang_up()


class Questions:
    """Those of all boards; `on_answer(node, call, outcome)` for those that come in lines."""

    def __init__(self, on_answer: Callable[[str, Call, Outcome], None] | None = None) -> None:
        self._of: dict[str, board_protocol.Asked] = {}
        self._on_answer = on_answer

    def take(self, node: str, tag: str, way: Way) -> tuple[Question | None, bool]:
        """Return the question if it is to be put to the group, and whether it was before."""
        memory = self._of.setdefault(node, board_protocol.Asked())
        again = memory.begin(tag)
        waiting = memory.tickets.get(tag)
        if (answered := memory.answers[tag]) is not None:
            call, outcome, _ = answered
            way.caller.peer.write(way.frame(outcome, call))
        elif isinstance(waiting, Question):
            waiting.move(way)
        else:
            return Question(memory, tag, way, self._on_answer), again
        return None, again
