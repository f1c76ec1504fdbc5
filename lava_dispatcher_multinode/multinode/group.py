"""The rules of MultiNode for one group: no socket, clock or thread; times are passed in.

A `Group` is told what happens and returns what follows from it, as a list of
`Message`s and `Wait`s. Times are seconds on any clock that only goes forward.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from . import reasons, rules
from .api import SEND, SYNC, WAIT, new
from .members import Roster
from .messages import Messages
from .topics import Message, Wait
from .transitions import CALL_TRANSITIONS, NOT_YET, SATISFIED, WAITING, CallEvent, MemberEvent
from .waiting import Pending

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping

    from .api import Call
    from .topics import Bucket, Data, Event, Topic


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
        self._messages = Messages()
        self._pending = Pending(self._roster, self._messages)
        self._changed = now
        self._sound: Call | None = None  # the last that was; in a barrier it is one for all
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

    def missing(self, ticket: Hashable, most: int | None = None) -> list[str]:
        """Return whom the waiting call `ticket` waits for, as `rules.missing` has it."""
        wait = self._pending.get(ticket)
        return [] if wait is None else self._missing(wait, most)

    def next_deadline(self) -> float | None:
        """Return when `expire` has something to do, if nothing happens before."""
        due = self._pending.due()
        if not self._stuck:
            return due
        deadlock = self._changed + self.deadlock_grace
        return deadlock if due is None else min(due, deadlock)

    # What happens

    def join(self, name: str, role: str, now: float) -> tuple[str, list[Event]]:
        """Let `name` in; return ("", what follows) or (why not, [])."""
        if problem := self._roster.admit(name, role):
            return problem, []
        self._changed = now
        self._pending.expect(name, role)
        if self.complete:
            for wait in self._pending.all():
                if self._roster.unknown(wait.call.role):
                    reason = reasons.unknown_role(wait.call.role or "", self._roster.of_role)
                    self._end(wait, CallEvent.ROLE_UNKNOWN, now, reason)
                else:
                    self._try(wait, self._messages.topic(wait.call.id), now)
        return "", self._take()

    def call(
        self, node: str, call: Call, ticket: Hashable, now: float, *, again: bool = False
    ) -> list[Event]:
        """Take a call of `node`; its answer, now or later, bears `ticket`, which none has.

        `again`: a lava-sync that has sent its message before and only goes on waiting.
        """
        wait, roster, messages = Wait(ticket, node, call, now), self._roster, self._messages
        api, message_id, _, role, _, _, _ = call
        if self._aborted is not None:
            self._end(wait, CallEvent.ABORTED, now, self._aborted)
        elif problem := rules.refusal(roster, messages, node, call, sound=call is self._sound):
            self._end(wait, CallEvent.NOT_ALLOWED, now, problem)
        elif role is not None and roster.unknown(role):
            reason = reasons.unknown_role(role, roster.of_role)
            self._end(wait, CallEvent.ROLE_UNKNOWN, now, reason)
        else:
            self._sound = call
            self._changed = now
            if (api is SYNC or api is SEND) and not again:
                topic, wait.level = self._send(node, call, now)
            else:
                topic = messages.topic(message_id)
                if api is SYNC:
                    wait.level = topic.count.get(node, 0)
            if api is SEND:
                self._end(wait, SATISFIED, now)
            else:
                self._wait(wait, topic, now)
        return self._take()

    def cancel(self, ticket: Hashable, now: float) -> list[Event]:
        """End the call `ticket`: nobody is there any more to hear the answer."""
        if wait := self._pending.get(ticket):
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
        for wait in self._pending.all():
            self._end(wait, CallEvent.ABORTED, now, reason)
        return self._take()

    def expire(self, now: float) -> list[Event]:
        """End what is due at `now`: calls whose time is over, or all of a deadlock."""
        for wait in self._pending.expired(now):
            missing = self._missing(wait)
            reason = reasons.timed_out(self._limit(wait.call), missing, wait.call)
            self._end(wait, CallEvent.TIME_OVER, now, reason)
        if self._stuck and now >= self._changed + self.deadlock_grace:
            waits = self._pending.all()
            told = islice(waits, reasons.LISTED_WAITS)
            graph = [(wait.node, wait.call, self._missing(wait)) for wait in told]
            reason = reasons.deadlock(graph, len(waits))
            for wait in waits:
                self._end(wait, CallEvent.DEADLOCK, now, reason)
        return self._take()

    # The rules

    def _send(self, sender: str, call: Call, now: float) -> tuple[Topic, int]:
        topic, level = self._messages.add(sender, call)
        self._events.append(new(Message, (call.id, sender, call.data)))
        if topic.any:
            for wait in list(topic.any.values()):
                if wait.node != sender:
                    self._end(wait, SATISFIED, now, data=tuple(topic.others(wait.node)))
        if topic.next:
            for queue in list(topic.next.values()):
                if queue[0].node != sender:
                    self._try(queue[0], topic, now)
        buckets = topic.all.get(level)
        if buckets is not None:
            for role in (None, self._roster.members[sender].role):
                bucket = buckets.get(role)
                if bucket is not None:
                    bucket.absent.pop(sender, None)
                    if len(bucket.absent) <= 1 and self._roster.complete:
                        self._arrived(topic, bucket, (level, role), now)
        return topic, level

    def _arrived(
        self, topic: Topic, bucket: Bucket, key: tuple[int, str | None], now: float
    ) -> None:
        """End what is satisfied now that at most one device has yet to reach its level."""
        if not bucket.absent:
            for wait in self._pending.release(topic, *key):
                wait.end(SATISFIED, now, data=rules.gathered(self._roster, topic, wait))
                self._events.append(wait)
            self._changed = now
            return
        # One device is missing. All wait for it, but for itself: nobody waits for itself.
        (absent,) = bucket.absent
        for wait in [wait for wait in bucket.waits.values() if wait.node == absent]:
            self._try(wait, topic, now)

    def _wait(self, wait: Wait, topic: Topic, now: float) -> None:
        api, message_id, _, role, _, _, _ = wait.call
        absent = 0
        if api is not WAIT:
            absent = len(topic.bucket(wait, self._roster.scope(role)).absent)
        # As a rule of a barrier: too many are absent to look closer, and all may still come.
        if (absent < 2 or self._roster.lost) and (
            self._try(wait, topic, now) or self._give_up_hopeless(wait, topic, now)
        ):
            self._messages.forget_unused(message_id)
            return
        wait.state = CALL_TRANSITIONS[wait.state, NOT_YET]
        self._pending.add(wait, topic, now + self._limit(wait.call))
        self._events.append(wait)

    def _try(self, wait: Wait, topic: Topic, now: float) -> bool:
        """End `wait` with its data if it is satisfied."""
        data = rules.satisfied(self._roster, topic, wait)
        if data is None:
            return False
        if wait.call.next:
            topic.consume(wait.node)
        self._end(wait, SATISFIED, now, data=data)
        return True

    def _give_up_hopeless(self, wait: Wait, topic: Topic, now: float) -> bool:
        """End `wait` if nothing can satisfy it any more."""
        reason = rules.hopeless(self._roster, topic, wait)
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
        for wait in self._pending.of(name):
            self._end(wait, CallEvent.CALLER_LOST, now, reason)
        for wait in self._pending.all():
            self._give_up_hopeless(wait, self._messages.topic(wait.call.id), now)
        return self._take()

    # Small parts

    @property
    def _stuck(self) -> bool:
        return self._pending.everybody and self._roster.complete

    def _missing(self, wait: Wait, most: int | None = None) -> list[str]:
        return rules.missing(self._roster, self._messages.topic(wait.call.id), wait, most)

    def _limit(self, call: Call) -> float:
        return self.timeout if call.timeout is None else call.timeout

    def _end(
        self, wait: Wait, event: CallEvent, now: float, reason: str = "", data: Data = ()
    ) -> None:
        """End a call wherever it is."""
        if wait.state is WAITING:
            self._changed = now
            self._pending.remove(wait)
        wait.end(event, now, reason, data)
        self._events.append(wait)

    def _take(self) -> list[Event]:
        events, self._events = self._events, []
        return events
