"""Replies of LAVA's protocol, and what goes beyond it; no I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..multinode.api import NOTHING, Cause, Outcome, Status, refused
from ..multinode.reasons import sentence
from .protocol import HEADER, encode, frame, to_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..multinode.api import Call


def reply(outcome: Outcome, call: Call, *, hold: bool) -> dict[str, Any]:
    """Return the reply to a call; without `hold` exactly as LAVA's members know it."""
    answer: dict[str, Any] = {"response": "ack" if outcome.status is Status.DONE else "nack"}
    if outcome.status is Status.DONE and call.api.spec.waits:
        answer["message"] = {sender: dict(data) for sender, data in outcome.data}
        if call.api.spec.counts and not hold:
            answer["message"] = call.id
    if hold:
        answer["status"] = outcome.status.value
        if outcome.status is not Status.DONE:
            answer["cause"] = outcome.cause.value
    if reason := sentence(call, outcome):
        answer["reason"] = reason
    return answer


class Replies:
    """Frames of replies. One that goes to many, as at the end of a barrier, is made once."""

    def __init__(self) -> None:
        self._outcome: Outcome | None = None
        self._call: Call | None = None
        self._hold = False
        self._frame = self._open = b""

    def frame(self, outcome: Outcome, call: Call, tag: Any, *, hold: bool) -> bytes:
        """Return the frame of the reply to a call with the `id` `tag`."""
        last = self._call
        if (
            outcome is not self._outcome
            or hold is not self._hold
            or last is None
            or call.api is not last.api
            # The ID is only in LAVA's own reply to lava_sync.
            or (call.api.spec.counts and not hold and call.id != last.id)
        ):
            self._outcome, self._call, self._hold = outcome, call, hold
            self._frame = encode(reply(outcome, call, hold=hold))
            self._open = self._frame[HEADER:-1]
        if tag is None:
            return self._frame
        return frame(b'%b,"id":%b}' % (self._open, to_json(tag).encode("ascii")))


def read_outcome(document: Mapping[str, Any]) -> Outcome:
    """Return the outcome in the reply to a held request."""
    message = document.get("message")
    data = tuple(message.items()) if isinstance(message, dict) else ()
    reason = str(document.get("reason", ""))
    if document.get("response") == "nack" and "cause" not in document:
        return refused(reason)  # the request, not the call
    try:
        status = Status(document["status"])
        cause = Cause(document.get("cause", Cause.SATISFIED))
    except (KeyError, ValueError):
        return refused(f"not a reply of a coordinator: {document!r:.200}")
    return Outcome(status, data, cause, {"sentence": reason} if reason else NOTHING)
