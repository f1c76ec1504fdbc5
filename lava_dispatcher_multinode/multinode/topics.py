"""The messages of a group and the calls that wait for them, by message ID."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Mapping
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from .api import NOTHING, Call, Outcome, Status, data_size
from .transitions import CALL_TRANSITIONS, SATISFIED, STATUS, CallState

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .api import Cause, Data

#: Messages that a group keeps (each send is one: `lava-wait --next` may still ask for it).
MAX_MESSAGES = 1_000_000
#: Bytes of data that a group keeps.
MAX_KEPT_BYTES = 256 * 1024 * 1024

#: The outcome of all calls that are done and receive no data.
DONE = Outcome(Status.DONE)


class Message(Struct, frozen=True, gc=False):
    """A message that was sent; every member can receive it."""

    id: str
    sender: str
    data: Mapping[str, str]


class MemberCall(Struct, eq=False, gc=False):
    """A call of a member, with its `outcome` once it has one.

    `reply_to` is any hashable object that is unique to the call; the rules only hand it back.
    `required_count`: how often each device that is waited for must have sent the ID.
    The garbage collector need not know it: it leaves its barrier's `waiters` when it ends.
    """

    reply_to: Any
    node: str
    call: Call
    asked: float  # seconds on the caller's clock, as all times here
    required_count: int = 1
    state: CallState = CallState.ASKED
    outcome: Outcome | None = None
    seconds: float = 0.0  # from the request to the reply
    barrier: Barrier | None = None  # of a lava-wait-all or lava-sync

    def end(
        self, cause: Cause, now: float, data: Data = (), fields: Mapping[str, Any] = NOTHING
    ) -> None:
        """Set the outcome."""
        self.state = state = CALL_TRANSITIONS[self.state, cause]
        self.seconds = now - self.asked
        if cause is SATISFIED and not data:
            self.outcome = DONE
        else:
            self.outcome = Outcome(STATUS[state], data, cause, fields)


class Barrier(Struct, eq=False):
    """The calls that need the same: a number of messages of every device of a role (None: all).

    `absent` are the devices of that role that have yet to send so many. Each message removes
    one name; without it, each of N arrivals would look at N devices.
    """

    absent: dict[str, None]
    waiters: dict[Hashable, MemberCall] = {}


class Topic(Struct, eq=False):
    """The messages under one ID and the calls that wait for them."""

    latest: dict[str, Mapping[str, str]] = {}  # oldest sender first
    filled: bool = False  # whether any message had data
    count: dict[str, int] = {}  # messages by sender
    log: list[Message] = []  # for --next
    read: dict[str, int] = {}  # receiver -> its index in `log`
    any: dict[Hashable, MemberCall] = {}
    next: dict[str, deque[MemberCall]] = {}  # by receiver, oldest first
    #: By required count and role.
    barriers: dict[int, dict[str | None, Barrier]] = {}

    def add(self, message: Message) -> int:
        """Keep a message; return how many its sender has sent by now."""
        sender = message.sender
        self.latest[sender] = message.data
        if message.data:
            self.filled = True
        self.log.append(message)
        count = self.count[sender] = self.count.get(sender, 0) + 1
        return count

    def others(self, node: str) -> Iterator[tuple[str, Mapping[str, str]]]:
        """Yield (sender, data) of all but `node`, oldest sender first."""
        return ((sender, data) for sender, data in self.latest.items() if sender != node)

    def unread(self, node: str) -> Message | None:
        """Return the next message of another device that `node` has not consumed."""
        place = self.read.get(node, 0)
        while place < len(self.log) and self.log[place].sender == node:
            place += 1
        self.read[node] = place
        return self.log[place] if place < len(self.log) else None

    def consume(self, node: str) -> None:
        """Count `unread(node)` as read."""
        self.read[node] += 1

    def barrier(self, pending: MemberCall, scope: Iterable[str]) -> Barrier:
        """Return the barrier of a call that needs the devices in `scope`.

        Calls that need the same share it while one of them waits.
        """
        needed = pending.required_count
        barrier = pending.barrier or self.barriers.get(needed, {}).get(pending.call.role)
        if barrier is None:
            count = self.count
            barrier = Barrier({name: None for name in scope if count.get(name, 0) < needed})
        pending.barrier = barrier
        return barrier

    def add_waiter(self, pending: MemberCall) -> None:
        """Add a call to those that a message can satisfy."""
        if pending.barrier is not None:
            waiters = pending.barrier.waiters
            if not waiters:
                barriers = self.barriers.setdefault(pending.required_count, {})
                barriers[pending.call.role] = pending.barrier
            waiters[pending.reply_to] = pending
        elif pending.call.next:
            self.next.setdefault(pending.node, deque()).append(pending)
        else:
            self.any[pending.reply_to] = pending

    def remove_waiter(self, pending: MemberCall) -> None:
        """Remove a call that waits."""
        if pending.barrier is not None:
            waiters = pending.barrier.waiters
            del waiters[pending.reply_to]
            if not waiters:
                self.remove_barrier(pending.required_count, pending.call.role)
        elif pending.call.next:
            queue = self.next[pending.node]
            queue.remove(pending)
            if not queue:
                del self.next[pending.node]
        else:
            del self.any[pending.reply_to]

    def remove_barrier(self, required_count: int, role: str | None) -> Barrier:
        """Remove and return a barrier."""
        barriers = self.barriers[required_count]
        barrier = barriers.pop(role)
        if not barriers:
            del self.barriers[required_count]
        return barrier

    @property
    def unused(self) -> bool:
        """True if the topic holds nothing."""
        return not (self.log or self.any or self.next or self.barriers)


class Topics:
    """The topics of a group: those with a message, and those with a call that waits."""

    def __init__(self) -> None:
        self._topics: dict[str, Topic] = {}
        self._count = 0  # messages
        self._kept = 0  # bytes

    def get(self, message_id: str) -> Topic:
        """Return the topic of an ID; a new one if there is none."""
        topic = self._topics.get(message_id)
        if topic is None:
            topic = self._topics[message_id] = Topic()
        return topic

    def forget_unused(self, message_id: str) -> None:
        """Drop the topic of an ID if it holds nothing."""
        topic = self._topics.get(message_id)
        if topic is not None and topic.unused:
            del self._topics[message_id]

    def problem(self, call: Call) -> str:
        """Return why the message of `call` cannot be kept, or ""."""
        if self._count >= MAX_MESSAGES:
            return f"the group has sent {MAX_MESSAGES} messages; no more are kept"
        if call.data and self._kept + data_size(call.data) > MAX_KEPT_BYTES:
            return f"the group's messages have {MAX_KEPT_BYTES} bytes; no more are kept"
        return ""

    def add(self, message: Message) -> tuple[Topic, int]:
        """Keep a message; return its topic, and how often its sender has sent the ID."""
        self._count += 1
        if message.data:
            self._kept += data_size(message.data)
        topic = self.get(message.id)
        return topic, topic.add(message)


#: What follows from the rules. A `MemberCall` without an outcome starts to wait; one with an
#: outcome has ended.
Event = Message | MemberCall
