"""Requests of peers -> calls of the group -> replies: the coordinator without its sockets."""

from __future__ import annotations

import itertools
import logging
from typing import TYPE_CHECKING, Any

from . import lines
from .calls import Api, Call, Outcome, Status
from .deadlines import Deadlines
from .door import Door
from .polling import Bundles, Polls
from .presence import Presence
from .relay import words_of
from .state import Answered, Event, Group, Message, Waiting
from .wire import Line, LineError, Request, WireError, read_request, reply

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from .door import Peer

logger = logging.getLogger(__name__)

#: Refusals that are logged; a flood of them must not fill the disk.
MAX_LOGGED = 50


class Service:
    """One group's requests; `observer(event, **fields)` is told what happens in it."""

    def __init__(
        self,
        group_name: str,
        group: Group,
        secrets: Mapping[str, str],
        observer: Callable[..., None] | None = None,
        lost_grace: float | None = None,
    ) -> None:
        self._group = group
        self._door = Door(group_name, secrets)
        self._observer = observer
        self._tickets = itertools.count(1)
        self._held: dict[int, tuple[Peer, Request | lines.Question]] = {}
        self._of_peer: dict[Peer, set[int]] = {}
        self._assembly: dict[int, tuple[Peer, Request]] = {}  # held group_data
        self._assembly_due: Deadlines[int] = Deadlines()
        self._polls = Polls()
        self._bundles = Bundles()
        self._presence = Presence(lost_grace)
        self._asked: dict[str, lines.Asked] = {}  # by boards
        self._logged = 0

    # From the sockets

    def request(self, peer: Peer, body: bytes, now: float) -> None:
        """Answer the request in a frame or line of `peer`: now, or when it is satisfied."""
        if isinstance(body, Line):
            self._line(peer, body, now)
            return
        try:
            request = read_request(body)
        except WireError as error:
            self.unreadable(peer, error)
            return
        if problem := self._door.problem(request, peer) or self._enter(request, now):
            self.refuse(peer, problem, request.id, request.client)
            return
        self._door.enter(request, peer)
        if request.present:
            self._presence.here(request.client, peer)
        if request.call is not None:
            self._call(peer, request, request.call, now)
        elif request.kind == "group_data":
            self._group_data(peer, request, now)
        elif request.kind == "clear_group":
            self.node_finished(request.client, now)
            self._reply(peer, request, {"response": "ack"})
        elif request.kind == "aggregate":
            self._aggregate(peer, request)
        elif request.kind == "complete":
            peer.hang_up()
        else:
            self._reply(peer, request, {"response": "nack", "reason": "unknown request"})

    def unreadable(self, peer: Peer, error: WireError) -> None:
        """Refuse what could not be understood, in the form in which it came."""
        if isinstance(error, LineError):
            self._refuse_line(peer, error.id, str(error))
        else:
            self.refuse(peer, str(error), error.id)

    def refuse(self, peer: Peer, reason: str, tag: Any = None, name: str | None = None) -> None:
        """Say no. A peer that has not yet proved to be a member is sent away, too."""
        self._log(f"refused {name or peer.node or 'a connection'!r:.300}: {reason}")
        document = {"response": "nack", "status": Status.REFUSED.value, "reason": reason}
        peer.send(document if tag is None else document | {"id": tag})
        if peer.node is None:
            peer.hang_up()

    def gone(self, peer: Peer, now: float) -> None:
        """End what `peer` waits for: its connection is closed."""
        self._door.leave(peer)
        self._presence.gone(peer, now)
        for ticket in self._of_peer.pop(peer, ()):
            _, request = self._held.pop(ticket, (None, None))
            if isinstance(request, lines.Question):
                del self._asked[request.node].tickets[request.id]
            if self._assembly.pop(ticket, None) is not None:
                self._assembly_due.discard(ticket)
            self._do(self._group.cancel(ticket, now))

    def awaited(self, peer: Peer) -> bool:
        """Whether `peer` has an answer to come."""
        return bool(self._of_peer.get(peer))

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
        for ticket in list(self._assembly):
            self._assembled(ticket, {"response": "nack", "reason": reason})

    # From the clock

    def next_deadline(self) -> float | None:
        """Return when `expire` has something to do."""
        deadlines = (
            self._group.next_deadline(),
            self._polls.next_deadline(),
            self._assembly_due.next(),
            self._presence.next_deadline(),
        )
        return min((due for due in deadlines if due is not None), default=None)

    def expire(self, now: float) -> None:
        """Do what is due."""
        for ticket in self._polls.lapse(now):
            self._do(self._group.cancel(ticket, now))
        for name in list(self._presence.lost(now)):
            self.node_failed(name, "its connection to the coordinator was lost", now)
        self._do(self._group.expire(now))
        for ticket in list(self._assembly_due.expired(now)):
            reason = f"the group is not complete: {', '.join(sorted(self._group.roles))} so far"
            self._assembled(ticket, {"response": "nack", "reason": reason})

    # Parts

    def _enter(self, request: Request, now: float) -> str:
        """Let a new name join; return why not, or ""."""
        role = self._group.role_of(request.client)
        if role is not None:
            if request.role and request.role != role:
                return f"'{request.client}' has the role '{role}', not '{request.role[:80]}'"
            return ""
        problem, events = self._group.join(request.client, request.role, now)
        self._do(events)
        if not problem:
            so_far = f"{len(self._group)} of {self._group.size}"
            text = f"{request.client} joined as {request.role} ({so_far})"
            self._emit("log", node=request.client, level="info", text=text)
        if self._group.complete:
            for ticket in list(self._assembly):
                self._assembled(ticket, self._group_reply())
        return problem

    def _call(self, peer: Peer, request: Request, call: Call, now: float) -> None:
        ticket = next(self._tickets)
        if request.hold:
            self._hold(peer, request, ticket)
            self._do(self._group.call(request.client, call, ticket, now))
        elif call.api is Api.SEND:
            self._held[ticket] = (peer, request)
            self._do(self._group.call(request.client, call, ticket, now))
        else:
            self._poll(peer, request, call, ticket, now)

    def _poll(self, peer: Peer, request: Request, call: Call, ticket: int, now: float) -> None:
        key = self._polls.key(request.client, call)
        poll = self._polls.find(key)
        if poll is None and self._polls.full(request.client):
            self.refuse(peer, "too many calls are open", request.id, request.client)
            return
        if poll is None:
            poll = self._polls.start(key, ticket)
            self._do(self._group.call(request.client, call, ticket, now))
        elif poll.lapsed:
            self._polls.resume(poll, ticket)
            self._do(self._group.call(request.client, call, ticket, now, again=True))
        if poll.outcome is None:
            self._polls.asked(poll, now, request.poll_delay)
            self._reply(peer, request, {"response": "wait"})
        else:
            self._polls.end(poll)
            self._reply(peer, request, reply(poll.outcome, call, hold=False))

    def _line(self, peer: Peer, line: Line, now: float) -> None:
        try:
            question = lines.read(line)
        except LineError as error:
            self.unreadable(peer, error)
            return
        node, tag = question.node, question.id
        problem = self._door.line_problem(node, question.secret, peer)
        if problem or self._group.role_of(node) is None:
            self._refuse_line(peer, tag, problem or f"'{node[:80]}' has not joined the group")
            return
        peer.node = node
        asked = self._asked.setdefault(node, lines.Asked())
        again = asked.begin(tag)
        if (answer := asked.answers[tag]) is not None:
            peer.write(answer)
        elif (ticket := asked.tickets.get(tag)) is not None:
            self._move(ticket, peer, question)
        else:
            asked.tickets[tag] = ticket = next(self._tickets)
            self._hold(peer, question, ticket)
            self._do(self._group.call(node, question.call, ticket, now, again=again))

    def _move(self, ticket: int, peer: Peer, question: lines.Question) -> None:
        """Have the answer go to `peer`: the board has connected anew."""
        before, _ = self._held[ticket]
        if before is not peer:
            self._of_peer[before].discard(ticket)
            before.hang_up()
            self._hold(peer, question, ticket)

    def _refuse_line(self, peer: Peer, tag: str | None, reason: str) -> None:
        self._log(f"refused a line of {peer.node or 'a connection'!r:.300}: {reason}")
        peer.write(lines.refusal(tag, reason))
        if peer.node is None:
            peer.hang_up()

    def _hold(self, peer: Peer, request: Request | lines.Question, ticket: int) -> None:
        self._held[ticket] = (peer, request)
        self._of_peer.setdefault(peer, set()).add(ticket)

    def _group_data(self, peer: Peer, request: Request, now: float) -> None:
        if request.group_size not in {None, self._group.size}:
            reason = f"the group has {self._group.size} devices, not {request.group_size}"
            self._reply(peer, request, {"response": "nack", "reason": reason})
        elif self._group.complete:
            self._reply(peer, request, self._group_reply())
        elif not request.hold:
            self._reply(peer, request, {"response": "wait"})
        else:
            ticket = next(self._tickets)
            self._assembly[ticket] = (peer, request)
            self._of_peer.setdefault(peer, set()).add(ticket)
            timeout = self._group.timeout if request.timeout is None else request.timeout
            self._assembly_due.set(ticket, now + timeout)

    def _group_reply(self) -> dict[str, Any]:
        return {"response": "group_data", "roles": self._group.roles}

    def _assembled(self, ticket: int, document: Mapping[str, Any]) -> None:
        peer, request = self._assembly.pop(ticket)
        self._assembly_due.discard(ticket)
        self._of_peer[peer].discard(ticket)
        self._reply(peer, request, document)

    def _aggregate(self, peer: Peer, request: Request) -> None:
        if request.sub_id is None:
            self._reply(peer, request, {"response": "nack", "reason": "'sub_id' is missing"})
            return
        size = self._group.size
        answer = self._bundles.add(request.client, request.bundle, request.sub_id, size)
        self._reply(peer, request, answer)

    @staticmethod
    def _reply(peer: Peer, request: Request, document: Mapping[str, Any]) -> None:
        peer.send(document if request.id is None else {**document, "id": request.id})

    # What follows

    def _do(self, events: Iterable[Event]) -> None:
        for event in events:
            if isinstance(event, Answered):
                self._answer(event.ticket, event.call, event.outcome)
            if self._observer is not None:
                self._report(event)

    def _answer(self, ticket: int, call: Call, outcome: Outcome) -> None:
        if self._polls.answered(ticket, outcome):
            return
        if ticket not in self._held:
            return  # its peer is gone
        peer, request = self._held.pop(ticket)
        if isinstance(request, lines.Question):
            self._of_peer[peer].discard(ticket)
            line = lines.answer(request.id, words_of(call, outcome))
            self._asked[request.node].end(request.id, line)
            peer.write(line)
            return
        if request.hold:
            self._of_peer[peer].discard(ticket)
        self._reply(peer, request, reply(outcome, call, hold=request.hold))

    def _report(self, event: Event) -> None:
        if isinstance(event, Message):
            self._emit("message", id=event.id, **{"from": event.sender}, data=dict(event.data))
            return
        call = event.call
        fields: dict[str, Any] = {
            "node": event.node,
            "api": call.api.value,
            "id": call.id,
            "role": call.role,
        }
        if isinstance(event, Waiting):
            self._emit("wait_started", **fields, missing=self._group.missing(event.ticket))
        elif call.api is not Api.SEND:
            outcome = event.outcome
            fields |= {"outcome": outcome.status.value, "reason": outcome.reason}
            fields["senders"] = [sender for sender, _ in outcome.data]
            self._emit("wait_finished", **fields, seconds=event.seconds)
        elif event.outcome.status is not Status.DONE:
            self._emit("log", node=event.node, level="warning", text=event.outcome.reason)

    def _log(self, text: str) -> None:
        self._logged += 1
        if self._logged == MAX_LOGGED:
            text += " (further refusals are not logged)"
        if self._logged <= MAX_LOGGED:
            self._emit("log", node=None, level="warning", text=text)
            if self._observer is None:
                logger.warning("%s", text)

    def _emit(self, event: str, **fields: Any) -> None:
        if self._observer is None:
            return
        try:
            self._observer(event, **fields)
        except Exception:
            logger.exception("the observer of the coordinator failed on %s", event)
