"""The rules of MultiNode for one group: no socket, clock or thread; times are passed in.

A `Group` is told what happens and returns what follows from it, as a list of
`Message`, `Waiting` and `Answered`. Times are seconds on any clock that only
goes forward.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from . import rules, words
from .calls import Api, Call, Outcome
from .checks import call_problem, data_size
from .deadlines import Deadlines
from .roster import Roster
from .topic import Bucket, Topic, Wait
from .transitions import (
    CALL_TRANSITIONS,
    STATUS,
    CallEvent,
    CallState,
    MemberEvent,
    MemberState,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .rules import Data

#: The calls that send a message.
SENDING = frozenset({Api.SEND, Api.SYNC})

#: Messages that a group keeps (each send is one: `lava-wait --next` may still ask for it).
MAX_MESSAGES = 1_000_000
#: Bytes of data that a group keeps.
MAX_KEPT = 256 * 1024 * 1024
#: Calls of one member that wait at the same time.
MAX_WAITS = 1000


class Message(NamedTuple):
    """A message was sent, and every member can have it."""

    id: str
    sender: str
    data: Mapping[str, str]


class Waiting(NamedTuple):
    """A call is not satisfied yet."""

    ticket: int
    node: str
    call: Call


class Answered(NamedTuple):
    """A call has its answer, `seconds` after it was asked."""

    ticket: int
    node: str
    call: Call
    outcome: Outcome
    seconds: float


Event = Message | Waiting | Answered


class Group:
    """One group of `size` devices; those not among `members` (name -> role) may join.

    `timeout`: seconds for a call that brings none. `deadlock_grace`: seconds
    without any change, all members waiting, until that is a deadlock.
    """

    def __init__(
        self,
        members: Mapping[str, str],
        *,
        size: int,
        timeout: float,
        deadlock_grace: float,
        now: float = 0.0,
    ) -> None:
        self.timeout = timeout
        self.deadlock_grace = deadlock_grace
        self._roster = Roster(size)
        self._topics: dict[str, Topic] = {}
        self._waits: dict[int, Wait] = {}
        self._deadlines: Deadlines[int] = Deadlines()
        self._waiting = 0  # active members with at least one wait
        self._messages = 0
        self._kept = 0
        self._changed = now
        self._aborted: str | None = None
        self._events: list[Event] = []
        for name, role in members.items():
            if problem := self._roster.admit(name, role):
                raise ValueError(problem)

    # What is the case

    @property
    def size(self) -> int:
        """How many members it has when it is complete."""
        return self._roster.size

    @property
    def roles(self) -> dict[str, str]:
        """The members so far: name -> role."""
        return {member.name: member.role for member in self._roster.members.values()}

    def __len__(self) -> int:
        """Return how many members have joined."""
        return len(self._roster.members)

    def role_of(self, name: str) -> str | None:
        """Return the role of a member, or None if there is no such member."""
        member = self._roster.members.get(name)
        return None if member is None else member.role

    @property
    def complete(self) -> bool:
        """Whether every member has joined."""
        return self._roster.complete

    def missing(self, ticket: int) -> list[str]:
        """Return whom the waiting call `ticket` waits for; any of them will do for a lava-wait."""
        wait = self._waits[ticket]
        return rules.missing(self._roster, self._topics[wait.call.id], wait)

    def next_deadline(self) -> float | None:
        """Return when `expire` has something to do, if nothing happens before."""
        stuck = [self._changed + self.deadlock_grace] if self._stuck else []
        due = self._deadlines.next()
        return min(stuck + ([] if due is None else [due]), default=None)

    # What happens

    def join(self, name: str, role: str, now: float) -> tuple[str, list[Event]]:
        """Let `name` in; return ("", what follows) or (why not, [])."""
        if problem := self._roster.admit(name, role):
            return problem, []
        self._changed = now
        if self.complete:
            for wait in list(self._waits.values()):
                if self._roster.unknown(wait.call.role):
                    reason = words.unknown_role(wait.call.role or "", self._roster.of_role)
                    self._end(wait, CallEvent.ROLE_UNKNOWN, now, reason)
                else:
                    self._try(wait, now)
        return "", self._take()

    def call(
        self, node: str, call: Call, ticket: int, now: float, *, again: bool = False
    ) -> list[Event]:
        """Take a call of `node`; its answer, now or later, bears `ticket`, a new number.

        `again`: a lava-sync that has sent its message before and only goes on waiting.
        """
        wait = Wait(ticket, node, call, now)
        if self._aborted is not None:
            self._end(wait, CallEvent.ABORTED, now, self._aborted)
        elif problem := self._refusal(node, call):
            self._end(wait, CallEvent.NOT_ALLOWED, now, problem)
        elif self._roster.unknown(call.role):
            reason = words.unknown_role(call.role or "", self._roster.of_role)
            self._end(wait, CallEvent.ROLE_UNKNOWN, now, reason)
        else:
            self._changed = now
            if call.api in SENDING and not again:
                self._send(node, call, now)
            if call.api is Api.SEND:
                self._end(wait, CallEvent.SATISFIED, now)
            else:
                self._wait(wait, now)
        return self._take()

    def cancel(self, ticket: int, now: float) -> list[Event]:
        """End the call `ticket`: nobody is there any more to hear the answer."""
        if wait := self._waits.get(ticket):
            self._end(wait, CallEvent.CALLER_GONE, now, f"{wait.node} hung up before the answer")
        return self._take()

    def finish(self, name: str, now: float) -> list[Event]:
        """The run of `name` has ended; it will send nothing more."""
        return self._leave(name, MemberEvent.FINISH, None, now)

    def fail(self, name: str, reason: str, now: float) -> list[Event]:
        """The run of `name` has failed; it will send nothing more."""
        return self._leave(name, MemberEvent.FAIL, " ".join(reason.split()), now)

    def abort(self, reason: str, now: float) -> list[Event]:
        """Answer every call, pending or to come, that it can never be satisfied."""
        self._aborted = reason
        for wait in list(self._waits.values()):
            self._end(wait, CallEvent.ABORTED, now, reason)
        return self._take()

    def expire(self, now: float) -> list[Event]:
        """End what is due at `now`: calls whose time is over, or all of a deadlock."""
        for ticket in list(self._deadlines.expired(now)):
            wait = self._waits[ticket]
            reason = words.timed_out(self._limit(wait.call), self.missing(ticket), wait.call)
            self._end(wait, CallEvent.TIME_OVER, now, reason)
        if self._stuck and now >= self._changed + self.deadlock_grace:
            waits = list(self._waits.values())
            graph = words.deadlock([(w.node, w.call, self.missing(w.ticket)) for w in waits])
            for wait in waits:
                self._end(wait, CallEvent.DEADLOCK, now, graph)
        return self._take()

    # The rules

    def _refusal(self, node: str, call: Call) -> str:
        member = self._roster.members.get(node)
        if member is None:
            return f"'{node}' is not a device of the group"
        if member.state is not MemberState.ACTIVE:
            return f"{node} has {member.state} and is out of the group"
        if problem := call_problem(call):
            return problem
        if call.api is not Api.SEND and len(member.waits) >= MAX_WAITS:
            return f"{node} has {MAX_WAITS} calls waiting; no more are allowed"
        if call.api in SENDING:
            if self._messages >= MAX_MESSAGES:
                return f"the group has sent {MAX_MESSAGES} messages; no more are kept"
            if call.data and self._kept + data_size(call.data) > MAX_KEPT:
                return f"the group's messages have {MAX_KEPT} bytes; no more are kept"
        return ""

    def _send(self, sender: str, call: Call, now: float) -> None:
        topic = self._topics.setdefault(call.id, Topic())
        level = topic.add(sender, call.data)
        self._messages += 1
        self._kept += data_size(call.data) if call.data else 0
        self._events.append(Message(call.id, sender, call.data))
        for wait in [wait for wait in topic.any.values() if wait.node != sender]:
            self._end(wait, CallEvent.SATISFIED, now, data=tuple(topic.others(wait.node)))
        for queue in [queue for node, queue in topic.next.items() if node != sender]:
            self._try(queue[0], now)
        for role in (None, self._roster.members[sender].role):
            bucket = topic.all.get((level, role))
            if bucket is not None:
                bucket.reached += 1
                self._arrived(topic, bucket, role, level, now)

    def _arrived(
        self, topic: Topic, bucket: Bucket, role: str | None, level: int, now: float
    ) -> None:
        """End what is satisfied now that one device more has reached `bucket`'s level."""
        missing = self._roster.needed(role) - bucket.reached
        if missing > 1 or not self._roster.complete:
            return
        if missing == 0:
            for wait in list(bucket.waits.values()):
                data = rules.gathered(self._roster, topic, wait)
                self._end(wait, CallEvent.SATISFIED, now, data=data)
            return
        # One device is missing. All wait for it, but for itself: nobody waits for itself.
        absent = next(n for n in self._roster.scope(role) if topic.count.get(n, 0) < level)
        for wait in list(self._roster.members[absent].waits.values()):
            if wait.ticket in bucket.waits:
                self._try(wait, now)

    def _wait(self, wait: Wait, now: float) -> None:
        topic = self._topics.setdefault(wait.call.id, Topic())
        if wait.call.api is Api.SYNC:
            wait.level = topic.count.get(wait.node, 0)
        if self._try(wait, now) or self._give_up_hopeless(wait, now):
            self._forget_unused(wait.call.id)
            return
        self._advance(wait, CallEvent.NOT_YET)
        topic.park(wait, rules.reached(self._roster, topic, wait))
        self._waits[wait.ticket] = wait
        member = self._roster.members[wait.node]
        self._waiting += not member.waits
        member.waits[wait.ticket] = wait
        if math.isfinite(limit := self._limit(wait.call)):
            self._deadlines.set(wait.ticket, now + limit)
        self._events.append(Waiting(wait.ticket, wait.node, wait.call))

    def _try(self, wait: Wait, now: float) -> bool:
        """End `wait` with its data if it is satisfied."""
        topic = self._topics[wait.call.id]
        data = rules.satisfied(self._roster, topic, wait)
        if data is None:
            return False
        if wait.call.next:
            topic.consume(wait.node)
        self._end(wait, CallEvent.SATISFIED, now, data=data)
        return True

    def _give_up_hopeless(self, wait: Wait, now: float) -> bool:
        """End `wait` if nothing can satisfy it any more."""
        reason = rules.hopeless(self._roster, self._topics[wait.call.id], wait)
        if reason:
            self._end(wait, CallEvent.PEER_LOST, now, reason)
        return bool(reason)

    def _leave(
        self, name: str, event: MemberEvent, failure: str | None, now: float
    ) -> list[Event]:
        member = self._roster.members.get(name)
        if member is None:
            return []
        if not self._roster.leave(member, event, failure):
            return []
        self._changed = now
        reason = f"{name} itself has {member.state}" + (f": {failure}" if failure else "")
        for wait in list(member.waits.values()):
            self._end(wait, CallEvent.CALLER_LOST, now, reason)
        for wait in list(self._waits.values()):
            self._give_up_hopeless(wait, now)
        return self._take()

    # Small parts

    @property
    def _stuck(self) -> bool:
        return 0 < self._waiting == self._roster.active and self.complete

    def _limit(self, call: Call) -> float:
        return self.timeout if call.timeout is None else call.timeout

    def _end(
        self,
        wait: Wait,
        event: CallEvent,
        now: float,
        reason: str = "",
        data: Data = (),
    ) -> None:
        waited = wait.state is CallState.WAITING
        self._advance(wait, event)
        if waited:
            self._changed = now
            del self._waits[wait.ticket]
            self._deadlines.discard(wait.ticket)
            member = self._roster.members[wait.node]
            del member.waits[wait.ticket]
            self._waiting -= not member.waits
            self._topics[wait.call.id].unpark(wait)
            self._forget_unused(wait.call.id)
        if reason:
            reason = f"{words.command(wait.call)}: {reason}"
        outcome = Outcome(STATUS[wait.state], data, reason)
        self._events.append(Answered(wait.ticket, wait.node, wait.call, outcome, now - wait.asked))

    @staticmethod
    def _advance(wait: Wait, event: CallEvent) -> None:
        wait.state = CALL_TRANSITIONS[wait.state, event]

    def _forget_unused(self, message_id: str) -> None:
        topic = self._topics.get(message_id)
        if topic is not None and topic.unused:
            del self._topics[message_id]

    def _take(self) -> list[Event]:
        events, self._events = self._events, []
        return events
