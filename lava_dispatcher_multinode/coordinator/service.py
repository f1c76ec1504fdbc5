"""Requests of peers -> calls of the group -> replies: the coordinator without its sockets."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from ..multinode.deadlines import soonest
from ..multinode.rules import MAX_WAITS
from . import board_protocol
from .access import Door
from .answers import Answers
from .assembly import Assembly
from .board_lines import BoardLines
from .error_replies import Refusals
from .lava_polling import Bundles, Polls
from .observer import Reporter
from .presence import Presence
from .protocol import Line, WireError, encode
from .questions import Question, Questions, Way
from .replies import Replies, reply
from .requests import LastCall
from .tickets import Caller, Owed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ..multinode.api import Call, Outcome
    from ..multinode.group import Group
    from .access import Peer
    from .requests import Request
    from .tickets import Ticket


class Service:
    """One group's requests; `observer(event, **fields)` is told what happens in it.

    It is told by `reporter.tell`, which the owner calls when nothing is more urgent.
    `on_answer(node, call, outcome)` is told at once, before a call that came in a board's
    line is answered: nobody else has seen it.
    """

    def __init__(
        self,
        group_name: str,
        group: Group,
        secrets: Mapping[str, str],
        observer: Callable[..., None] | None = None,
        lost_grace: float | None = None,
        on_answer: Callable[[str, Call, Outcome], None] | None = None,
    ) -> None:
        self.reporter = Reporter(observer)
        self._group = group
        self.refusals = Refusals(self.reporter)
        self._do = Answers(group, self.reporter).give
        self._door = Door(group_name, secrets)
        self._callers: dict[Peer, Caller] = {}
        self._last, self._replies = LastCall(), Replies()
        self._assembly = Assembly()
        self._polls = Polls(self._put)
        self._bundles = Bundles()
        self._presence = Presence(lost_grace)
        self._deadlines = self._polls.deadlines, self._assembly.seats, self._presence.missed
        self._questions = Questions(on_answer)
        self._lines = BoardLines(self._door, group, self.refusals, self._ask)

    # From the sockets

    def request(self, peer: Peer, body: bytes, now: float) -> None:
        """Answer the request in a frame or line of `peer`: now, or when it is satisfied."""
        caller = self._callers.get(peer)
        if caller is None:
            caller = self._callers[peer] = Caller(peer, self._last)
        if isinstance(body, Line):
            self._lines.take(caller, body, now)
            return
        try:
            request = caller.reader.read(body)
        except WireError as error:
            self.unreadable(peer, error)
            return
        head, _, call, question = request
        if head is not caller.head and not self._admit(caller, request, now):
            return
        if call is None:
            self._other(caller, request, now)
        elif head.hold and question:
            self._ask(head.client, question, call, self._way(caller, request), now)
        elif head.hold or not call.api.spec.waits:
            ticket = Owed(caller, request, self._replies)
            self._do(self._group.call(head.client, call, ticket, now))
        else:
            self._poll(caller, request, call, now)

    def unreadable(self, peer: Peer, error: WireError) -> None:
        """Refuse a frame or line of `peer` that is not a request."""
        self.refusals.unreadable(peer, error)

    def gone(self, peer: Peer, now: float) -> None:
        """End what `peer` waits for: its connection is closed."""
        self._door.leave(peer)
        self._presence.gone(peer, now)
        caller = self._callers.pop(peer, None)
        if caller is None:
            return
        tickets, caller.tickets = caller.tickets, set()
        for ticket in tickets:
            ticket.drop()
            self._do(self._group.cancel(ticket, now))

    def ended(self, peer: Peer) -> None:
        """Find out whether a board that says no more still listens.

        What is sent to one that does not is answered with a reset, which is the end of it.
        """
        caller = self._callers.get(peer)
        for ticket in caller.tickets if caller else ():
            if isinstance(ticket, Question) and ticket.way.line is not None:
                peer.write(board_protocol.acknowledgement(ticket.way.line))

    def awaited(self, peer: Peer) -> bool:
        """Whether `peer` has an answer to come."""
        caller = self._callers.get(peer)
        return caller is not None and bool(caller.tickets)

    # From the job

    def node_failed(self, name: str, reason: str, now: float) -> None:
        """Tell the group that the run of `name` has failed."""
        self._do(self._group.fail(name, reason, now))

    def node_finished(self, name: str, now: float) -> None:
        """Tell the group that the run of `name` has ended."""
        self._do(self._group.finish(name, now))

    def abort(self, reason: str, now: float) -> None:
        """Answer every call, pending or to come, that it can never be satisfied."""
        self._do(self._group.abort(reason, now))
        self._assembly.answer({"response": "nack", "reason": reason}, math.inf)

    # From the clock

    def next_deadline(self) -> float | None:
        """Return when `expire` has something to do."""
        return soonest(self._deadlines, self._group.next_deadline())

    def expire(self, now: float) -> None:
        """Do what is due."""
        for poll in self._polls.lapse(now):
            self._do(self._group.cancel(poll, now))
        for name in list(self._presence.lost(now)):
            self.node_failed(name, "its connection to the coordinator was lost", now)
        self._do(self._group.expire(now))
        reason = f"the group is not complete: {', '.join(sorted(self._group.roles))} so far"
        self._assembly.answer({"response": "nack", "reason": reason}, now)

    # Parts

    def _admit(self, caller: Caller, request: Request, now: float) -> bool:
        """Let a request in, or refuse it."""
        head, peer = request.head, caller.peer
        if problem := self._door.problem(head, peer) or self._enter(request, now):
            self.refusals.request(peer, problem, request.id, head.client)
            return False
        self._door.enter(head, peer)
        if head.present:
            self._presence.here(head.client, peer)
        if self._door.lasting(head):
            caller.head = head
        return True

    def _enter(self, request: Request, now: float) -> str:
        """Let a new name join; return why not, or ""."""
        name, role = request.head.client, request.head.role
        known = self._group.role_of(name)
        if known is not None:
            if role in {"", known}:
                return ""
            return f"'{name}' has the role '{known}', not '{role[:80]}'"
        problem, events = self._group.join(name, role, now)
        self._do(events)
        if not problem:
            self._door.joined(request.head)
            so_far = f"{len(self._group)} of {self._group.size}"
            self.reporter.log(name, "INFO", f"{name} joined as {role} ({so_far})")
        if self._group.complete:
            self._assembly.answer(self._group_reply(), math.inf)
        return problem

    def _way(self, caller: Caller, request: Request) -> Way:
        """Return that of a board's question which came through its dispatcher."""
        replies = self._replies
        return Way(
            caller,
            request.id,
            None,
            lambda outcome, call: replies.frame(outcome, call, request.id, hold=True),
        )

    def _poll(self, caller: Caller, request: Request, call: Call, now: float) -> None:
        head = request.head
        poll = self._polls.ask(head.client, call, head.poll_delay, now)
        if poll is None:
            self.refusals.request(caller.peer, "too many calls are open", request.id, head.client)
        elif poll.outcome is None:
            self._reply(caller, request, {"response": "wait"})
        else:
            self._reply(caller, request, reply(poll.outcome, call, hold=False))

    def _other(self, caller: Caller, request: Request, now: float) -> None:
        """Answer what is no call of the API."""
        head = request.head
        if head.kind == "group_data":
            self._group_data(caller, request, now)
        elif head.kind == "clear_group":
            self.node_finished(head.client, now)
            self._reply(caller, request, {"response": "ack"})
        elif head.kind == "cancel":
            self._cancel(caller, request, now)
        elif head.kind == "aggregate" and head.sub_id is None:
            self._nack(caller, request, "'sub_id' is missing")
        elif head.kind == "aggregate" and head.sub_id is not None:
            size = self._group.size
            answer = self._bundles.add(head.client, head.bundle, head.sub_id, size)
            self._reply(caller, request, answer)
        elif head.kind == "complete":
            caller.peer.hang_up()
        else:
            self._nack(caller, request, "unknown request")

    def _group_data(self, caller: Caller, request: Request, now: float) -> None:
        head, group = request.head, self._group
        if head.group_size not in {None, group.size}:
            reason = f"the group has {group.size} devices, not {head.group_size}"
            self._nack(caller, request, reason)
        elif group.complete:
            self._reply(caller, request, self._group_reply())
        elif head.hold and len(caller.tickets) >= MAX_WAITS:
            self._nack(caller, request, f"{head.client} has {MAX_WAITS} calls waiting")
        elif head.hold:
            timeout = group.timeout if head.timeout is None else head.timeout
            self._assembly.join(caller, request, now + timeout)
        else:
            self._reply(caller, request, {"response": "wait"})

    def _group_reply(self) -> dict[str, Any]:
        return {"response": "group_data", "roles": self._group.roles}

    def _cancel(self, caller: Caller, request: Request, now: float) -> None:
        """End a held call of the same connection: nobody is there to hear its answer."""
        for ticket in caller.tickets:
            if ticket.is_for(request.head.call):
                self._do(self._group.cancel(ticket, now))
                self._reply(caller, request, {"response": "ack"})
                return
        self._nack(caller, request, "no such call waits")

    def _ask(self, node: str, tag: str, call: Call, way: Way, now: float) -> None:
        """Make a board's call, unless it has been made: it may come on several ways."""
        question, again = self._questions.take(node, tag, way)
        if question is not None:
            self._put(node, call, question, now, again=again)

    def _put(
        self, node: str, call: Call, ticket: Ticket, now: float, *, again: bool = False
    ) -> None:
        """Put a call to the group."""
        self._do(self._group.call(node, call, ticket, now, again=again))

    @staticmethod
    def _reply(caller: Caller, request: Request, document: Mapping[str, Any]) -> None:
        tag = request.id
        caller.peer.write(encode(document if tag is None else {**document, "id": tag}))

    def _nack(self, caller: Caller, request: Request, reason: str) -> None:
        self._reply(caller, request, {"response": "nack", "reason": reason})
