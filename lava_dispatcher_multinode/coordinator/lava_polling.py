"""Requests of LAVA's own dispatchers: polled calls, and the aggregation of result bundles."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..multinode.deadlines import Deadlines
from .pending_replies import ReplyHandle

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from ..multinode.api import Call, Outcome

#: Open calls of one polling member.
MAX_POLLED_CALLS = 1000
#: A call counts as waiting for this many poll delays after its last poll, and for
#: MIN_POLL_GRACE_S at least.
POLL_GRACE_DELAYS, MIN_POLL_GRACE_S = 5, 10.0

Key = tuple[str, str, str, str | None]  # node, api, message ID, role


@dataclass(eq=False)
class PolledCall(ReplyHandle):
    """One blocking call of a polling member, from its first poll to its reply."""

    key: Key
    deadlines: Deadlines[Key]
    outcome: Outcome | None = None
    expired: bool = False  # not polled for some time: does not count as waiting

    def send_outcome(self, _call: Call, outcome: Outcome) -> None:
        """Keep the outcome until the next poll."""
        self.deadlines.discard(self.key)
        if not self.expired:
            self.outcome = outcome


class PolledCalls:
    """Tells the first poll of a call from later ones, and notices when a member stops polling.

    `make_call(node, call, reply_to, now, again=)` makes a call in the group.
    """

    def __init__(self, make_call: Callable[..., None]) -> None:
        self._make_call = make_call
        self._calls: dict[Key, PolledCall] = {}
        self._per_node: Counter[str] = Counter()
        self.deadlines: Deadlines[Key] = Deadlines()

    def poll(self, node: str, call: Call, delay_s: float, now: float) -> PolledCall | None:
        """Handle a poll of `node`, which polls every `delay_s`; None if it has too many calls.

        The `outcome` of the result is returned once; None as long as the call waits.
        """
        key = node, call.api, call.id, call.role
        polled = self._calls.get(key)
        if polled is None:
            if self._per_node[node] >= MAX_POLLED_CALLS:
                return None
            polled = self._calls[key] = PolledCall(key, self.deadlines)
            self._per_node[node] += 1
            self._make_call(node, call, polled, now)
        elif polled.expired:
            polled.expired, polled.outcome = False, None
            self._make_call(node, call, polled, now, again=True)
        if polled.outcome is None:
            grace_s = max(MIN_POLL_GRACE_S, POLL_GRACE_DELAYS * delay_s)
            self.deadlines.set(key, now + grace_s)
        else:
            del self._calls[key]
            self.deadlines.discard(key)
            self._per_node[node] -= 1
        return polled

    def expire(self, now: float) -> Iterator[PolledCall]:
        """Yield the calls that have not been polled in time."""
        for key in list(self.deadlines.expired(now)):
            polled = self._calls[key]
            polled.expired = True
            yield polled


class BundleCollector:
    """Collects each member's bundle checksum for the member whose sub_id ends in `.0`."""

    #: That member gets `wait` twice more, as the others upload their bundles only after
    #: the acknowledgement.
    EXTRA_WAITS = 2

    def __init__(self) -> None:
        self._bundles: dict[str, str | None] = {}
        self._extra_waits = self.EXTRA_WAITS

    def add(self, node: str, bundle: str | None, sub_id: str, size: int) -> Mapping[str, object]:
        """Record a checksum of `node`; return the reply."""
        self._bundles[node] = bundle
        if not sub_id.endswith(".0"):
            return {"response": "ack"}
        if len(self._bundles) < size:
            return {"response": "wait"}
        if self._extra_waits:
            self._extra_waits -= 1
            return {"response": "wait"}
        return {"response": "ack", "message": {"bundle": dict(self._bundles)}}
