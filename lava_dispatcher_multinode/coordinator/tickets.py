"""Who asks, and what is to be answered: the connections of a service and their tickets."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from .requests import Reader

if TYPE_CHECKING:
    from ..multinode.api import Call, Outcome
    from .access import Peer
    from .replies import Replies
    from .requests import Head, LastCall, Request


class Caller:
    """One connection, from its first request to its end."""

    __slots__ = ("head", "peer", "reader", "tickets")

    def __init__(self, peer: Peer, last: LastCall | None = None) -> None:
        self.peer = peer
        self.reader = Reader(last)
        self.head: Head | None = None  # let in, and not to be looked at again
        self.tickets: set[Ticket] = set()  # that it has an answer to come for


class Ticket(ABC):
    """What the group's answer to a call comes back with."""

    __slots__ = ()

    @abstractmethod
    def answer(self, call: Call, outcome: Outcome) -> None:
        """Take the answer: `call` is what was asked."""

    def is_for(self, _id: object) -> bool:
        """Whether it is for the held request with the `id` `_id`."""
        return False

    def drop(self) -> None:  # noqa: B027 - most have nothing to do
        """Note that the connection is gone which the answer would have gone to."""


class Owed(Ticket):
    """A request that is answered with a frame, now or when its call is satisfied."""

    __slots__ = ("caller", "replies", "request")

    def __init__(self, caller: Caller, request: Request, replies: Replies) -> None:
        self.caller = caller
        self.request = request
        self.replies = replies
        caller.tickets.add(self)

    def is_for(self, _id: object) -> bool:
        """Whether that is its request."""
        return bool(self.request.id == _id)

    def answer(self, call: Call, outcome: Outcome) -> None:
        """Send the reply, if its connection is still there."""
        caller = self.caller
        if self in caller.tickets:
            caller.tickets.remove(self)
            head, tag, _, _ = self.request
            caller.peer.write(self.replies.frame(outcome, call, tag, hold=head.hold))
