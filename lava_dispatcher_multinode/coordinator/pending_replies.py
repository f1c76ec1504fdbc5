"""The clients of a service, and the replies that they wait for."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from ..multinode.deadlines import Deadlines
from .protocol import encode_reply, reply_to_call

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..multinode.api import Call, Outcome
    from .access import Peer
    from .protocol import Request


class ClientSession:
    """One connection, from its first request to its end."""

    __slots__ = ("admitted", "peer", "pending")

    def __init__(self, peer: Peer) -> None:
        self.peer = peer
        self.admitted: tuple[object, ...] | None = None  # a sender that is not checked again
        self.pending: set[ReplyHandle] = set()


class ReplyHandle(ABC):
    """The handle that the group returns with the outcome of a call."""

    __slots__ = ()

    @abstractmethod
    def send_outcome(self, call: Call, outcome: Outcome) -> None:
        """Deliver the outcome of `call`."""

    def matches(self, _id: object) -> bool:
        """Return True if it belongs to the held request with this `id`."""
        return False

    def drop(self) -> None:  # noqa: B027 - most have nothing to do
        """The connection that was to receive the reply has closed."""


class PendingReply(ReplyHandle):
    """The reply to a request, in a frame: sent now, or when its call is satisfied."""

    __slots__ = ("_hold", "_id", "_session")

    def __init__(self, session: ClientSession, request: Request) -> None:
        # Of the request only what is needed: a barrier keeps one for each member.
        self._session = session
        self._id = request.id
        self._hold = request.hold
        session.pending.add(self)

    def matches(self, _id: object) -> bool:
        """Return True if it belongs to the request with this `id`."""
        return bool(self._id == _id)

    def send_outcome(self, call: Call, outcome: Outcome) -> None:
        """Send the reply, if the connection is still open."""
        session = self._session
        if self in session.pending:
            session.pending.remove(self)
            reply = reply_to_call(outcome, call, hold=self._hold)
            session.peer.write(encode_reply(reply, self._id))


class Waiter(ReplyHandle):
    """A held group_data that waits until the group is complete."""

    __slots__ = ("_waiters", "request", "session")

    def __init__(
        self, waiters: GroupDataWaiters, session: ClientSession, request: Request
    ) -> None:
        self._waiters = waiters
        self.session = session
        self.request = request
        session.pending.add(self)

    def send_outcome(self, call: Call, outcome: Outcome) -> None:
        """Never called: the group does not know it."""

    def drop(self) -> None:
        """Stop waiting."""
        self._waiters.deadlines.discard(self)


class GroupDataWaiters:
    """All held group_data requests; each reply has the same content."""

    def __init__(self) -> None:
        self.deadlines: Deadlines[Waiter] = Deadlines()

    def add(self, session: ClientSession, request: Request, due: float) -> None:
        """Add a request that waits until `due`."""
        self.deadlines.set(Waiter(self, session, request), due)

    def send_reply(self, reply: Mapping[str, Any], until: float) -> None:
        """Answer each request that is due at `until`."""
        for waiter in list(self.deadlines.expired(until)):
            waiter.session.pending.discard(waiter)
            waiter.session.peer.write(encode_reply(reply, waiter.request.id))
