"""The questions of boards, which ask with lines: answered once, to whoever asked last."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import lines
from .callers import Ticket
from .relay import words_of

if TYPE_CHECKING:
    from .callers import Caller
    from .calls import Call, Outcome


class Question(Ticket):
    """One that waits. `caller` is the connection that asked last."""

    __slots__ = ("_asked", "_id", "caller")

    def __init__(self, asked: lines.Asked, caller: Caller, tag: str) -> None:
        self._asked = asked
        self._id = tag
        self.caller = caller
        caller.tickets.add(self)
        asked.tickets[tag] = self

    def answer(self, call: Call, outcome: Outcome) -> None:
        """Remember the answer, and send it."""
        if self in self.caller.tickets:
            self.caller.tickets.remove(self)
            line = lines.answer(self._id, words_of(call, outcome))
            self._asked.end(self._id, line)
            self.caller.peer.write(line)

    def drop(self) -> None:
        """Let the board ask it again."""
        del self._asked.tickets[self._id]

    def move(self, caller: Caller) -> None:
        """Have the answer go to `caller`: the board has connected anew."""
        if self.caller is not caller:
            self.caller.tickets.discard(self)
            self.caller.peer.hang_up()
            self.caller = caller
            caller.tickets.add(self)


class Questions:
    """Those of all boards."""

    def __init__(self) -> None:
        self._of: dict[str, lines.Asked] = {}

    def take(self, caller: Caller, asked: lines.Question) -> tuple[Question | None, bool]:
        """Return the question if it is to be put to the group, and whether it was before."""
        memory = self._of.setdefault(asked.node, lines.Asked())
        again = memory.begin(asked.id)
        waiting = memory.tickets.get(asked.id)
        if (answer := memory.answers[asked.id]) is not None:
            caller.peer.write(answer)
        elif isinstance(waiting, Question):
            waiting.move(caller)
        else:
            return Question(memory, caller, asked.id), again
        return None, again
