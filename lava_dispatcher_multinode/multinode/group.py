"""The MultiNode rules for one group: no socket, clock or thread; times are passed in.

Each method of `Group` takes what has happened and returns what follows from it, as a list of
`Message`s and `MemberCall`s. Times are seconds on any monotonic clock.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from . import rules
from .api import NOTHING, Cause, Missing, WaitGraph
from .members import Members
from .reasons import MAX_LISTED, MAX_LISTED_WAITS
from .topics import MemberCall, Message, Topics
from .transitions import CALL_TRANSITIONS, NOT_YET, SATISFIED, WAITING, MemberEvent
from .waiting import WaitingCalls

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping

    from .api import Call, Data
    from .topics import Barrier, Event, Topic


class Group:
    """One group of `size` devices; those not among `members` (name -> role) may join.

    `timeout`: seconds for a call without one. `deadlock_grace`: seconds without any
    change, while all members wait, until that is a deadlock.
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
        self._members = Members(size)
        self._topics = Topics()
        self._waiting = WaitingCalls(self._members, self._topics)
        self._changed = now
        self._checked: Call | None = None  # the last valid call; a barrier's calls are the same
        self._aborted: str | None = None
        self._events: list[Event] = []
        for name, role in members.items():
            if problem := self._members.admit(name, role):
                raise ValueError(problem)

    # State

    @property
    def size(self) -> int:
        """The number of members of the complete group."""
        return self._members.size

    @property
    def roles(self) -> dict[str, str]:
        """The members so far: name -> role."""
        return {member.name: member.role for member in self._members.by_name.values()}

    def __len__(self) -> int:
        """Return how many members have joined."""
        return len(self._members.by_name)

    def role_of(self, name: str) -> str | None:
        """Return the role of a member, or None if there is no such member."""
        member = self._members.by_name.get(name)
        return None if member is None else member.role

    @property
    def complete(self) -> bool:
        """True if every member has joined."""
        return self._members.complete

    def missing(self, reply_to: Hashable, most: int | None = None) -> Missing:
        """Return the devices that a call waits for, `most` of them by name."""
        pending = self._waiting.get(reply_to)
        return Missing() if pending is None else self._missing(pending, most)

    def next_deadline(self) -> float | None:
        """Return when `expire` has something to do, if nothing happens before."""
        due = self._waiting.next_deadline()
        if not self._stuck:
            return due
        deadlock = self._changed + self.deadlock_grace
        return deadlock if due is None else min(due, deadlock)

    # Input

    def join(self, name: str, role: str, now: float) -> tuple[str, list[Event]]:
        """Add `name`; return ("", what follows) or (why it may not join, [])."""
        if problem := self._members.admit(name, role):
            return problem, []
        self._changed = now
        self._waiting.expect(name, role)
        if self.complete:
            for pending in self._waiting.all():
                if self._members.unknown(pending.call.role):
                    self._end_unknown_role(pending, now)
                else:
                    self._end_satisfied(pending, self._topics.get(pending.call.id), now)
        return "", self._take_events()

    def call(
        self, node: str, call: Call, reply_to: Hashable, now: float, *, again: bool = False
    ) -> list[Event]:
        """Make a call of `node`; its answer, now or later, has `reply_to`, which is unique.

        `again`: the call has been made before and was cancelled; its message is not sent twice.
        """
        pending = MemberCall(reply_to, node, call, now)
        members, spec = self._members, call.api.spec
        if self._aborted is not None:
            self._end(pending, Cause.ABORTED, now, fields={"text": self._aborted})
        elif problem := rules.refusal(
            members, self._topics, node, call, checked=call == self._checked
        ):
            self._end(pending, Cause.NOT_ALLOWED, now, fields={"text": problem})
        elif call.role is not None and members.unknown(call.role):
            self._end_unknown_role(pending, now)
        else:
            self._checked = call
            self._changed = now
            if spec.sends and not again:
                topic, count = self._send(node, call, now)
            else:
                topic = self._topics.get(call.id)
                count = topic.count.get(node, 0)
            if spec.counts:
                pending.required_count = count
            if spec.waits:
                self._wait(pending, topic, now)
            else:
                self._end(pending, SATISFIED, now)
        return self._take_events()

    def cancel(self, reply_to: Hashable, now: float) -> list[Event]:
        """End a call whose caller has closed its connection."""
        if pending := self._waiting.get(reply_to):
            self._end(pending, Cause.CALLER_GONE, now, fields={"name": pending.node})
        return self._take_events()

    def finish(self, name: str, now: float) -> list[Event]:
        """Record that the run of `name` has ended; it will send nothing more."""
        return self._leave(name, MemberEvent.FINISH, None, now)

    def fail(self, name: str, reason: str, now: float) -> list[Event]:
        """Record that the run of `name` has failed; it will send nothing more."""
        return self._leave(name, MemberEvent.FAIL, " ".join(reason.split()), now)

    def abort(self, reason: str, now: float) -> list[Event]:
        """End every call, pending or to come, as one that can never be satisfied."""
        self._aborted = reason
        for pending in self._waiting.all():
            self._end(pending, Cause.ABORTED, now, fields={"text": reason})
        return self._take_events()

    def expire(self, now: float) -> list[Event]:
        """End what is due at `now`: calls whose time is over, or all calls of a deadlock."""
        for pending in self._waiting.expired(now):
            fields = {
                "seconds": self._limit(pending.call),
                "missing": self._missing(pending, MAX_LISTED),
            }
            self._end(pending, Cause.TIMEOUT, now, fields=fields)
        if self._stuck and now >= self._changed + self.deadlock_grace:
            stuck = self._waiting.all()
            waits = tuple(
                (pending.node, pending.call, self._missing(pending, MAX_LISTED))
                for pending in islice(stuck, MAX_LISTED_WAITS)
            )
            deadlock = {"graph": WaitGraph(waits, len(stuck) - len(waits))}
            for pending in stuck:
                self._end(pending, Cause.DEADLOCK, now, fields=deadlock)
        return self._take_events()

    # The rules

    def _send(self, sender: str, call: Call, now: float) -> tuple[Topic, int]:
        message = Message(call.id, sender, call.data)
        topic, count = self._topics.add(message)
        self._events.append(message)
        if topic.any:
            for pending in list(topic.any.values()):
                self._end_satisfied(pending, topic, now)
        if topic.next:
            for queue in list(topic.next.values()):
                self._end_satisfied(queue[0], topic, now)
        barriers = topic.barriers.get(count)
        if barriers is not None:
            for role in (None, self._members.by_name[sender].role):
                barrier = barriers.get(role)
                if barrier is not None:
                    barrier.absent.pop(sender, None)
                    if len(barrier.absent) <= 1 and self._members.complete:
                        self._release(topic, barrier, count, role, now)
        return topic, count

    def _release(
        self, topic: Topic, barrier: Barrier, count: int, role: str | None, now: float
    ) -> None:
        """End the calls that are satisfied now that at most one device is absent."""
        if not barrier.absent:
            for pending in self._waiting.release(topic, count, role):
                pending.end(SATISFIED, now, rules.collected(self._members, topic, pending))
                self._events.append(pending)
            self._changed = now
            return
        # The absent device has calls that wait for all the others, and these have arrived.
        (absent,) = barrier.absent
        for pending in [each for each in barrier.waiters.values() if each.node == absent]:
            self._end_satisfied(pending, topic, now)

    def _wait(self, pending: MemberCall, topic: Topic, now: float) -> None:
        call = pending.call
        absent = 0
        if call.api.spec.needs_all:
            absent = len(topic.barrier(pending, self._members.scope(call.role)).absent)
        # Most calls at a barrier: several devices are absent, and none of them is lost.
        if (absent < 2 or self._members.lost) and (
            self._end_satisfied(pending, topic, now)
            or self._end_unsatisfiable(pending, topic, now)
        ):
            self._topics.forget_unused(call.id)
            return
        pending.state = CALL_TRANSITIONS[pending.state, NOT_YET]
        self._waiting.add(pending, topic, now + self._limit(call))
        self._events.append(pending)

    def _end_satisfied(self, pending: MemberCall, topic: Topic, now: float) -> bool:
        """End `pending` with its data if it is satisfied."""
        data = rules.satisfied(self._members, topic, pending)
        if data is None:
            return False
        if pending.call.next:
            topic.consume(pending.node)
        self._end(pending, SATISFIED, now, data)
        return True

    def _end_unsatisfiable(self, pending: MemberCall, topic: Topic, now: float) -> bool:
        """End `pending` if it can never be satisfied."""
        losses = rules.unsatisfiable(self._members, topic, pending)
        if losses is None:
            return False
        self._end(pending, Cause.PEER_LOST, now, fields={"losses": losses})
        return True

    def _end_unknown_role(self, pending: MemberCall, now: float) -> None:
        fields = {"role": pending.call.role, "known": tuple(self._members.of_role)}
        self._end(pending, Cause.UNKNOWN_ROLE, now, fields=fields)

    def _leave(
        self, name: str, event: MemberEvent, failure: str | None, now: float
    ) -> list[Event]:
        member = self._members.by_name.get(name)
        if member is None:
            return []
        if not self._members.leave(member, event, failure):
            return []
        self._changed = now
        fields = {"name": name, "state": member.state.value, "failure": failure}
        for pending in self._waiting.of(name):
            self._end(pending, Cause.CALLER_LOST, now, fields=fields)
        for pending in self._waiting.all():
            self._end_unsatisfiable(pending, self._topics.get(pending.call.id), now)
        return self._take_events()

    # Small parts

    @property
    def _stuck(self) -> bool:
        return self._waiting.all_members_wait and self._members.complete

    def _missing(self, pending: MemberCall, most: int | None = None) -> Missing:
        return rules.missing(self._members, self._topics.get(pending.call.id), pending, most)

    def _limit(self, call: Call) -> float:
        return self.timeout if call.timeout is None else call.timeout

    def _end(
        self,
        pending: MemberCall,
        cause: Cause,
        now: float,
        data: Data = (),
        fields: Mapping[str, Any] = NOTHING,
    ) -> None:
        """End a call, whether it waits or not."""
        if pending.state is WAITING:
            self._changed = now
            self._waiting.remove(pending)
        pending.end(cause, now, data, fields)
        self._events.append(pending)

    def _take_events(self) -> list[Event]:
        events, self._events = self._events, []
        return events
