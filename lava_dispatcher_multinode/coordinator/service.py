"""Requests of peers -> calls of the group -> replies: the coordinator without its sockets."""

from __future__ import annotations

import math
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from ..multinode.deadlines import soonest
from ..multinode.rules import MAX_WAITS
from ..multinode.topics import MemberCall
from . import board_protocol
from .access import AccessControl, Presence
from .board_protocol import BoardCalls, PendingBoardCall, ReplyRoute
from .error_replies import ErrorReplies
from .lava_polling import BundleCollector, PolledCalls
from .observer import MAX_MISSING_NAMES, EventNotifier
from .pending_replies import ClientSession, GroupDataWaiters, PendingReply
from .protocol import (
    BoardLine,
    BoardLineError,
    ProtocolError,
    encode_reply,
    held_timeout,
    parse_call,
    parse_request,
    poll_delay,
    reply_to_call,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ..multinode.api import Call, Outcome
    from ..multinode.group import Group
    from ..multinode.topics import Event
    from .access import Peer
    from .pending_replies import ReplyHandle
    from .protocol import Request

#: What an admission depends on.
_sender_of = attrgetter("client", "group", "role", "hostname", "secret", "hold", "present")


class Service:
    """Serves the requests of one group.

    `observer(event, **fields)` is notified of an event before any reply that it causes.
    `on_reply(node, call, outcome)` is called before a call that came in a board's line is
    answered. `lost_grace_s`: see `Presence`.
    """

    def __init__(
        self,
        group_name: str,
        group: Group,
        secrets: Mapping[str, str],
        observer: Callable[..., None] | None = None,
        lost_grace_s: float | None = None,
        on_reply: Callable[[str, Call, Outcome], None] | None = None,
    ) -> None:
        self._group = group
        self.notifier = EventNotifier(observer)
        self.errors = ErrorReplies(self.notifier)
        self._access = AccessControl(group_name, secrets)
        self._sessions: dict[Peer, ClientSession] = {}
        self._waiters = GroupDataWaiters()
        self._polled = PolledCalls(self._make_call)
        self._bundles = BundleCollector()
        self._presence = Presence(lost_grace_s)
        self._board_calls = BoardCalls(on_reply)
        self._deadlines = (
            self._polled.deadlines,
            self._waiters.deadlines,
            self._presence.deadlines,
        )

    # From the sockets

    def handle_input(self, peer: Peer, body: bytes, now: float) -> None:
        """Handle the body of a frame, or a line: reply now, or when its call is satisfied."""
        session = self._sessions.get(peer)
        if session is None:
            session = self._sessions[peer] = ClientSession(peer)
        try:
            if isinstance(body, BoardLine):
                self._handle_line(session, body, now)
            else:
                self._handle_request(session, parse_request(body), now)
        except ProtocolError as error:
            self.errors.refuse_malformed(peer, error)

    def peer_closed(self, peer: Peer, now: float) -> None:
        """End the waits of a connection that is closed."""
        self._access.release(peer)
        self._presence.remove(peer, now)
        session = self._sessions.pop(peer, None)
        if session is None:
            return
        pending, session.pending = session.pending, set()
        for reply_to in pending:
            reply_to.drop()
            self._dispatch_events(self._group.cancel(reply_to, now))

    def probe_half_closed(self, peer: Peer) -> None:
        """Acknowledge again each waiting call of a board that has shut its side.

        A board that has closed its socket answers with a reset.
        """
        session = self._sessions.get(peer)
        for reply_to in session.pending if session else ():
            if isinstance(reply_to, PendingBoardCall) and reply_to.route.line is not None:
                peer.write(board_protocol.format_acknowledgement(reply_to.route.line))

    def awaits_reply(self, peer: Peer) -> bool:
        """Return True if `peer` has made a call that waits."""
        session = self._sessions.get(peer)
        return session is not None and bool(session.pending)

    # From the job

    def node_failed(self, name: str, reason: str, now: float) -> None:
        """Record that the run of `name` has failed."""
        self._dispatch_events(self._group.fail(name, reason, now))

    def node_finished(self, name: str, now: float) -> None:
        """Record that the run of `name` has ended."""
        self._dispatch_events(self._group.finish(name, now))

    def abort(self, reason: str, now: float) -> None:
        """End every call, pending or to come, as one that can never be satisfied."""
        self._dispatch_events(self._group.abort(reason, now))
        self._waiters.send_reply({"response": "nack", "reason": reason}, math.inf)

    # From the clock

    def next_deadline(self) -> float | None:
        """Return when `expire` must be called next."""
        return soonest(self._deadlines, self._group.next_deadline())

    def expire(self, now: float) -> None:
        """End what is due."""
        for polled in self._polled.expire(now):
            self._dispatch_events(self._group.cancel(polled, now))
        for name in list(self._presence.expire(now)):
            self.node_failed(name, "its connection to the coordinator was lost", now)
        self._dispatch_events(self._group.expire(now))
        reason = f"the group is not complete: {', '.join(sorted(self._group.roles))} so far"
        self._waiters.send_reply({"response": "nack", "reason": reason}, now)

    # Requests

    def _handle_request(self, session: ClientSession, request: Request, now: float) -> None:
        call = parse_call(request)
        if not self._admit(session, request, now):
            return
        if call is None:
            self._handle_other(session, request, now)
        elif request.hold and request.question:
            route = ReplyRoute(session, id=request.id)
            self._make_board_call(request.client, request.question, call, route, now)
        elif request.hold or not call.api.spec.waits:
            self._make_call(request.client, call, PendingReply(session, request), now)
        else:
            self._handle_poll(session, request, call, now)

    def _handle_line(self, session: ClientSession, line: BoardLine, now: float) -> None:
        peer, request = session.peer, board_protocol.parse_line(line)
        node = request.node
        problem = self._access.refuse_line(node, request.secret, peer)
        if not problem and self._group.role_of(node) is None:
            problem = f"'{node[:80]}' has not joined the group"
        if problem:
            raise BoardLineError(problem, request.id)
        peer.node = node
        peer.write(board_protocol.format_acknowledgement(request))
        route = ReplyRoute(session, line=request)
        self._make_board_call(node, request.id, request.call, route, now)

    def _admit(self, session: ClientSession, request: Request, now: float) -> bool:
        """Let a request in, or refuse it. An unchanged sender is checked once."""
        sender = _sender_of(request)
        if sender == session.admitted:
            return True
        peer = session.peer
        if problem := self._access.refuse_request(request, peer) or self._join(request, now):
            self.errors.refuse_request(peer, problem, request.id, request.client)
            return False
        self._access.admit(request, peer)
        if request.present:
            self._presence.add(request.client, peer)
        if self._access.is_lasting(request):
            session.admitted = sender
        return True

    def _join(self, request: Request, now: float) -> str:
        """Let a new name join; return why it cannot, or ""."""
        name, role = request.client, request.role or ""
        known = self._group.role_of(name)
        if known is not None:
            if role in {"", known}:
                return ""
            return f"'{name}' has the role '{known}', not '{role[:80]}'"
        problem, events = self._group.join(name, role, now)
        self._dispatch_events(events)
        if not problem:
            self._access.register_secret(request)
            so_far = f"{len(self._group)} of {self._group.size}"
            self.notifier.log(name, "INFO", f"{name} joined as {role} ({so_far})")
        if self._group.complete:
            self._waiters.send_reply(self._group_data(), math.inf)
        return problem

    def _handle_poll(
        self, session: ClientSession, request: Request, call: Call, now: float
    ) -> None:
        polled = self._polled.poll(request.client, call, poll_delay(request), now)
        if polled is None:
            reason = "too many calls are open"
            self.errors.refuse_request(session.peer, reason, request.id, request.client)
        elif polled.outcome is None:
            self._reply(session, request, {"response": "wait"})
        else:
            self._reply(session, request, reply_to_call(polled.outcome, call, hold=False))

    def _handle_other(self, session: ClientSession, request: Request, now: float) -> None:
        """Handle a request that makes no MultiNode call."""
        if request.kind == "group_data":
            self._handle_group_data(session, request, now)
        elif request.kind == "clear_group":
            self.node_finished(request.client, now)
            self._reply(session, request, {"response": "ack"})
        elif request.kind == "cancel":
            self._handle_cancel(session, request, now)
        elif request.kind == "aggregate" and request.sub_id is not None:
            size = self._group.size
            reply = self._bundles.add(request.client, request.bundle, request.sub_id, size)
            self._reply(session, request, reply)
        elif request.kind == "aggregate":
            self._refuse(session, request, "'sub_id' is missing")
        elif request.kind == "complete":
            session.peer.hang_up()
        else:
            self._refuse(session, request, "unknown request")

    def _handle_group_data(self, session: ClientSession, request: Request, now: float) -> None:
        group = self._group
        if request.group_size not in {None, group.size}:
            reason = f"the group has {group.size} devices, not {request.group_size}"
            self._refuse(session, request, reason)
        elif group.complete:
            self._reply(session, request, self._group_data())
        elif not request.hold:
            self._reply(session, request, {"response": "wait"})
        elif len(session.pending) >= MAX_WAITS:
            self._refuse(session, request, f"{request.client} has {MAX_WAITS} calls waiting")
        else:
            timeout = held_timeout(request)
            due = now + (group.timeout if timeout is None else timeout)
            self._waiters.add(session, request, due)

    def _group_data(self) -> dict[str, Any]:
        return {"response": "group_data", "roles": self._group.roles}

    def _handle_cancel(self, session: ClientSession, request: Request, now: float) -> None:
        """Cancel a held call of the same connection, whose caller has ended."""
        for reply_to in session.pending:
            if reply_to.matches(request.call):
                self._dispatch_events(self._group.cancel(reply_to, now))
                self._reply(session, request, {"response": "ack"})
                return
        self._refuse(session, request, "no such call waits")

    # Calls of the group, and what follows from them

    def _make_board_call(
        self, node: str, id_: str, call: Call, route: ReplyRoute, now: float
    ) -> None:
        """Make a board's call, unless it was made before: it may arrive on several routes."""
        pending, again = self._board_calls.register(node, id_, route)
        if pending is not None:
            self._make_call(node, call, pending, now, again=again)

    def _make_call(
        self, node: str, call: Call, reply_to: ReplyHandle, now: float, *, again: bool = False
    ) -> None:
        self._dispatch_events(self._group.call(node, call, reply_to, now, again=again))

    def _dispatch_events(self, events: Sequence[Event]) -> None:
        """Notify the observer of all events, then reply to the calls that have ended.

        So no result is recorded before the event that explains it.
        """
        if self.notifier.observer is not None:
            for event in events:
                missing = None
                if isinstance(event, MemberCall) and event.outcome is None:
                    missing = self._group.missing(event.reply_to, MAX_MISSING_NAMES)
                self.notifier.notify(event, missing)
        for event in events:
            if isinstance(event, MemberCall) and event.outcome is not None:
                event.reply_to.send_outcome(event.call, event.outcome)

    @staticmethod
    def _reply(session: ClientSession, request: Request, reply: Mapping[str, Any]) -> None:
        session.peer.write(encode_reply(reply, request.id))

    def _refuse(self, session: ClientSession, request: Request, reason: str) -> None:
        self._reply(session, request, {"response": "nack", "reason": reason})
