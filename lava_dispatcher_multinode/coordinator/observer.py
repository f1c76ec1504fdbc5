"""The events of a group, as the observer of a coordinator receives them."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from ..multinode.api import Missing, Status
from ..multinode.reasons import explanation, sentence
from ..multinode.topics import Message

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..multinode.topics import MemberCall

logger = logging.getLogger(__name__)

#: Refusals that are logged; a flood of them must not fill the disk.
MAX_LOGGED_REFUSALS = 50
#: Names in `missing`; further devices are only counted.
MAX_MISSING_NAMES = 20


class EventNotifier:
    """Calls `observer(event, **fields)`; without an observer, does nothing."""

    def __init__(self, observer: Callable[..., None] | None) -> None:
        self.observer = observer
        self._refusals = 0

    def log(self, node: str | None, level: str, text: str) -> None:
        """Notify of a sentence."""
        self._notify("log", {"node": node, "level": level, "text": text})

    def log_refusal(self, text: str) -> None:
        """Notify of a refusal, or that further refusals are not logged."""
        self._refusals += 1
        if self._refusals == MAX_LOGGED_REFUSALS:
            text += " (further refusals are not logged)"
        if self._refusals <= MAX_LOGGED_REFUSALS:
            self.log(None, "WARNING", text)
            if self.observer is None:
                logger.warning("%s", text)

    def notify(self, event: Message | MemberCall, missing: Missing | None = None) -> None:
        """Notify of an event of the group; `missing`: the devices that a call waits for."""
        if isinstance(event, Message):
            data = dict(event.data) if event.data else {}
            self._notify("message", {"id": event.id, "from": event.sender, "data": data})
            return
        call, outcome = event.call, event.outcome
        fields: dict[str, Any] = {
            "node": event.node,
            "api": str(call.api),
            "id": call.id,
            "role": call.role,
        }
        if outcome is None:
            names, more, not_joined = missing or Missing()
            fields |= {"missing": list(names), "missing_more": more, "not_joined": not_joined}
            self._notify("wait_started", fields)
        elif call.api.spec.waits:
            fields |= {
                "outcome": str(outcome.status),
                "cause": str(outcome.cause),
                "reason": explanation(call, outcome),
                # Where no message had data, the outcome does not name the senders.
                "senders": [sender for sender, _ in outcome.data] or None,
                "seconds": event.seconds,
            }
            self._notify("wait_finished", fields)
        elif outcome.status is not Status.DONE:
            self.log(event.node, "WARNING", sentence(call, outcome))

    def _notify(self, event: str, fields: dict[str, Any]) -> None:
        if self.observer is None:
            return
        try:
            self.observer(event, **fields)
        except Exception:
            logger.exception("the observer of the coordinator failed on %s", event)
