"""What LAVA's own members need: calls asked again and again, and bundle aggregation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..multinode.deadlines import Deadlines
from .tickets import Ticket

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from ..multinode.api import Call, Outcome

#: Polls of one member that are remembered.
MAX_POLLS = 1000
#: A call counts as waiting for so many poll delays after it was last asked,
#: and for LEAST seconds at least.
PATIENCE = 5
LEAST = 10.0

Key = tuple[str, str, str, str | None]  # node, api, message ID, role


@dataclass(eq=False)
class Poll(Ticket):
    """One blocking call of a polling member, from its first poll to its answer."""

    key: Key
    deadlines: Deadlines[Key]
    outcome: Outcome | None = None
    lapsed: bool = False  # not asked for some time: does not count as waiting

    def answer(self, _call: Call, outcome: Outcome) -> None:
        """Keep the answer until it is asked for."""
        self.deadlines.discard(self.key)
        if not self.lapsed:
            self.outcome = outcome

    def resume(self) -> None:
        """Let a lapsed call wait again."""
        self.lapsed, self.outcome = False, None


class Polls:
    """Tells the first poll of a call from the next ones, and a member that has given up.

    `put(node, call, poll, now, again=)` puts a call to the group.
    """

    def __init__(self, put: Callable[..., None]) -> None:
        self._put = put
        self._polls: dict[Key, Poll] = {}
        self._per_node: dict[str, int] = {}
        self.deadlines: Deadlines[Key] = Deadlines()

    def ask(self, node: str, call: Call, delay: float, now: float) -> Poll | None:
        """Take a poll of `node`, which asks every `delay` seconds; None if it has too many open.

        Its `outcome` is the answer, given once, or None as long as there is none.
        """
        key = self.key(node, call)
        poll = self.find(key)
        if poll is None and self.full(node):
            return None
        if poll is None:
            poll = self.start(key)
            self._put(node, call, poll, now)
        elif poll.lapsed:
            poll.resume()
            self._put(node, call, poll, now, again=True)
        if poll.outcome is None:
            self.asked(poll, now, delay)
        else:
            self.end(poll)
        return poll

    @staticmethod
    def key(node: str, call: Call) -> Key:
        """Return what makes two polls of `node` the same call."""
        return node, call.api, call.id, call.role

    def find(self, key: Key) -> Poll | None:
        """Return the call that is asked again, or None."""
        return self._polls.get(key)

    def full(self, node: str) -> bool:
        """Whether `node` has too many calls open."""
        return self._per_node.get(node, 0) >= MAX_POLLS

    def start(self, key: Key) -> Poll:
        """Remember a call that was asked for the first time."""
        poll = self._polls[key] = Poll(key, self.deadlines)
        self._per_node[key[0]] = self._per_node.get(key[0], 0) + 1
        return poll

    def asked(self, poll: Poll, now: float, delay: float) -> None:
        """Note a poll of a member that asks every `delay` seconds."""
        self.deadlines.set(poll.key, now + max(LEAST, PATIENCE * delay))

    def end(self, poll: Poll) -> None:
        """Forget a call whose answer was given."""
        del self._polls[poll.key]
        self.deadlines.discard(poll.key)
        self._per_node[poll.key[0]] -= 1

    def lapse(self, now: float) -> Iterator[Poll]:
        """Yield the calls that nobody has asked for in time."""
        for key in list(self.deadlines.expired(now)):
            poll = self._polls[key]
            poll.lapsed = True
            yield poll


class Bundles:
    """Collects each member's bundle checksum for the one whose sub_id ends in `.0`."""

    #: That member is told to wait twice more, as the others upload their bundles
    #: only after they have been acknowledged.
    EXTRA_WAITS = 2

    def __init__(self) -> None:
        self._bundles: dict[str, str | None] = {}
        self._waits = self.EXTRA_WAITS

    def add(self, node: str, bundle: str | None, sub_id: str, size: int) -> Mapping[str, object]:
        """Take a checksum of `node`; return the reply."""
        self._bundles[node] = bundle
        if not sub_id.endswith(".0"):
            return {"response": "ack"}
        if len(self._bundles) < size:
            return {"response": "wait"}
        if self._waits:
            self._waits -= 1
            return {"response": "wait"}
        return {"response": "ack", "message": {"bundle": dict(self._bundles)}}
