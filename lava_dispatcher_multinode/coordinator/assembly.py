"""Held group_data: who waits until the group is complete."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..multinode.deadlines import Deadlines
from .protocol import encode
from .tickets import Ticket

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..multinode.api import Call, Outcome
    from .requests import Request
    from .tickets import Caller


class Seat(Ticket):
    """One request for the group's members, before they are all there."""

    __slots__ = ("_assembly", "caller", "request")

    def __init__(self, assembly: Assembly, caller: Caller, request: Request) -> None:
        self._assembly = assembly
        self.caller = caller
        self.request = request
        caller.tickets.add(self)

    def answer(self, call: Call, outcome: Outcome) -> None:
        """Never called: it is no call of the group's."""

    def drop(self) -> None:
        """Leave."""
        self._assembly.leave(self)


class Assembly:
    """All of them; every answer is the same for all."""

    def __init__(self) -> None:
        self.seats: Deadlines[Seat] = Deadlines()

    def join(self, caller: Caller, request: Request, due: float) -> None:
        """Take a request that waits until `due`."""
        self.seats.set(Seat(self, caller, request), due)

    def leave(self, seat: Seat) -> None:
        """Forget a request."""
        self.seats.discard(seat)

    def answer(self, document: Mapping[str, Any], until: float) -> None:
        """Answer all those whose time is over at `until`."""
        for seat in list(self.seats.expired(until)):
            seat.caller.tickets.discard(seat)
            tag = seat.request.id
            seat.caller.peer.write(encode(document if tag is None else {**document, "id": tag}))
