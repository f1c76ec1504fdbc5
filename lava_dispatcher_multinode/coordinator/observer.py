"""What the run is told of a group, after those who wait have had their answers."""

from __future__ import annotations

import logging
from collections import deque
from typing import TYPE_CHECKING, Any

from ..multinode.api import Missing, Status
from ..multinode.reasons import explanation, sentence
from ..multinode.topics import Message

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..multinode.topics import MemberCall

logger = logging.getLogger(__name__)

#: Refusals that are logged; a flood of them must not fill the disk.
MAX_LOGGED = 50
#: Names in `missing`; more are only counted.
MAX_NAMED = 20


class Reporter:
    """Keeps what has happened until `tell`; without an observer, nothing."""

    def __init__(self, observer: Callable[..., None] | None) -> None:
        self.observer = observer
        self.untold: deque[tuple[str, dict[str, Any]]] = deque()
        self._refused = 0

    def __len__(self) -> int:
        return len(self.untold)

    def tell(self, most: int) -> None:
        """Tell the observer what has happened, up to `most` events."""
        for _ in range(min(most, len(self.untold))):
            event, fields = self.untold.popleft()
            try:
                assert self.observer is not None
                self.observer(event, **fields)
            except Exception:
                logger.exception("the observer of the coordinator failed on %s", event)

    def log(self, node: str | None, level: str, text: str) -> None:
        """Note a sentence."""
        self._note("log", node=node, level=level, text=text)

    def refused(self, text: str) -> None:
        """Note a refusal, or that there are too many of them."""
        self._refused += 1
        if self._refused == MAX_LOGGED:
            text += " (further refusals are not logged)"
        if self._refused <= MAX_LOGGED:
            self.log(None, "WARNING", text)
            if self.observer is None:
                logger.warning("%s", text)

    def happened(self, event: Message | MemberCall, missing: Missing | None = None) -> None:
        """Note what follows from the rules; `missing`: whom a call waits for."""
        if isinstance(event, Message):
            self._note("message", id=event.id, **{"from": event.sender}, data=dict(event.data))
            return
        call = event.call
        fields: dict[str, Any] = {
            "node": event.node,
            "api": call.api.value,
            "id": call.id,
            "role": call.role,
        }
        outcome = event.outcome
        if outcome is None:
            missing = missing or Missing()
            fields |= {"missing": list(missing.names), "missing_more": missing.more}
            self._note("wait_started", **fields, not_joined=missing.not_joined)
        elif call.api.spec.waits:
            fields |= {"outcome": outcome.status.value, "cause": outcome.cause.value}
            fields["reason"] = explanation(call, outcome)
            # Where no message had data, the answer does not name who sent them.
            fields["senders"] = [sender for sender, _ in outcome.data] or None
            self._note("wait_finished", **fields, seconds=event.seconds)
        elif outcome.status is not Status.DONE:
            self.log(event.node, "WARNING", sentence(call, outcome))

    def _note(self, event: str, **fields: Any) -> None:
        if self.observer is not None:
            self.untold.append((event, fields))
