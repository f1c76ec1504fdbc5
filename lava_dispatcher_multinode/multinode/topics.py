"""Everything a group knows about one message ID: what was sent, and who waits for it."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from . import reasons
from .api import Outcome, Status
from .transitions import CALL_TRANSITIONS, SATISFIED, STATUS, CallState

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator, Mapping

    from .api import Call
    from .transitions import CallEvent


#: (sender, data) of each, oldest sender first.
Data = tuple[tuple[str, "Mapping[str, str]"], ...]

#: The outcome of all that are done and have nothing to tell.
DONE = Outcome(Status.DONE)


class Message(NamedTuple):
    """A message that was sent; every member can receive it."""

    id: str
    sender: str
    data: Mapping[str, str]


@dataclass(eq=False, slots=True)
class Wait:
    """A call, from the moment when it is asked; with its `outcome` once it has one.

    `level`: how often each device waited for must have sent the ID.
    """

    ticket: Any  # whatever it came with
    node: str
    call: Call
    asked: float
    level: int = 1
    state: CallState = CallState.ASKED
    outcome: Outcome | None = None
    seconds: float = 0.0  # from the question to the answer
    topic: Topic | None = None  # where it is parked, while it waits
    bucket: Bucket | None = None  # of a lava-wait-all or lava-sync

    def end(self, event: CallEvent, now: float, reason: str = "", data: Data = ()) -> None:
        """Take what ends it; it waits nowhere any more."""
        self.state = CALL_TRANSITIONS[self.state, event]
        self.seconds = now - self.asked
        if not data and event is SATISFIED:
            self.outcome = DONE
            return
        if reason:
            reason = f"{reasons.command(self.call)}: {reason}"
        self.outcome = Outcome(STATUS[self.state], data, reason)


@dataclass(slots=True)
class Bucket:
    """The waits that need the same: every device of a role (None: all) at one level.

    `absent` are those of that role that are not there yet. It spares a barrier of N
    devices from looking at N devices for each of its N arrivals.
    """

    absent: dict[str, None]
    waits: dict[Hashable, Wait] = field(default_factory=dict)


@dataclass(slots=True)
class Topic:
    """The messages under one ID and the waits for them."""

    latest: dict[str, Mapping[str, str]] = field(default_factory=dict)  # oldest sender first
    filled: bool = False  # whether any message had data
    count: dict[str, int] = field(default_factory=dict)  # sender -> how often
    log: list[tuple[str, Mapping[str, str]]] = field(default_factory=list)  # for --next
    read: dict[str, int] = field(default_factory=dict)  # receiver -> its place in `log`
    any: dict[Hashable, Wait] = field(default_factory=dict)
    next: dict[str, deque[Wait]] = field(default_factory=dict)  # receiver -> oldest first
    all: dict[int, dict[str | None, Bucket]] = field(default_factory=dict)  # by level and role

    def add(self, sender: str, data: Mapping[str, str]) -> int:
        """Keep a message; return how often `sender` has sent by now."""
        self.latest[sender] = data
        if data:
            self.filled = True
        self.log.append((sender, data))
        level = self.count[sender] = self.count.get(sender, 0) + 1
        return level

    def others(self, node: str) -> Iterator[tuple[str, Mapping[str, str]]]:
        """Yield (sender, data) of all but `node`, oldest sender first."""
        return ((sender, data) for sender, data in self.latest.items() if sender != node)

    def unread(self, node: str) -> tuple[str, Mapping[str, str]] | None:
        """Return the next message of another device that `node` has not consumed."""
        place = self.read.get(node, 0)
        while place < len(self.log) and self.log[place][0] == node:
            place += 1
        self.read[node] = place
        return self.log[place] if place < len(self.log) else None

    def consume(self, node: str) -> None:
        """Count `unread(node)` as read."""
        self.read[node] += 1

    def bucket(self, wait: Wait, scope: Iterable[str]) -> Bucket:
        """Return the bucket of a lava-wait-all or lava-sync, for whom `scope` is needed.

        It is shared, and kept, once there is a wait in it.
        """
        level = wait.level
        bucket = wait.bucket or self.all.get(level, {}).get(wait.call.role)
        if bucket is None:
            count = self.count
            bucket = Bucket({name: None for name in scope if count.get(name, 0) < level})
        wait.bucket = bucket
        return bucket

    def park(self, wait: Wait) -> None:
        """Put `wait` among those that are looked at when a message comes."""
        wait.topic = self
        if wait.bucket is not None:
            waits = wait.bucket.waits
            if not waits:
                self.all.setdefault(wait.level, {})[wait.call.role] = wait.bucket
            waits[wait.ticket] = wait
        elif wait.call.next:
            self.next.setdefault(wait.node, deque()).append(wait)
        else:
            self.any[wait.ticket] = wait

    def unpark(self, wait: Wait) -> None:
        """Take `wait` out again."""
        if wait.bucket is not None:
            waits = wait.bucket.waits
            del waits[wait.ticket]
            if not waits:
                self.close(wait.level, wait.call.role)
        elif wait.call.next:
            queue = self.next[wait.node]
            queue.remove(wait)
            if not queue:
                del self.next[wait.node]
        else:
            del self.any[wait.ticket]

    def close(self, level: int, role: str | None) -> Bucket:
        """Take a bucket out."""
        buckets = self.all[level]
        bucket = buckets.pop(role)
        if not buckets:
            del self.all[level]
        return bucket

    @property
    def unused(self) -> bool:
        """Whether nothing is lost when this topic is forgotten."""
        return not (self.log or self.any or self.next or self.all)


#: A `Wait` without an outcome starts to wait; one with an outcome has ended.
Event = Message | Wait
