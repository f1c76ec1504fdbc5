"""Negative replies, in the protocol of the request: a frame or a line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..multinode.api import Status
from . import board_protocol
from .protocol import BoardLineError, encode_reply

if TYPE_CHECKING:
    from .access import Peer
    from .observer import EventNotifier
    from .protocol import ProtocolError


class ErrorReplies:
    """Sends and logs them. A peer that has not yet proved to be a member is disconnected."""

    def __init__(self, notifier: EventNotifier) -> None:
        self._notifier = notifier

    def refuse_malformed(self, peer: Peer, error: ProtocolError) -> None:
        """Refuse input that is not valid."""
        if isinstance(error, BoardLineError):
            self.refuse_line(peer, error.id, str(error))
        else:
            self.refuse_request(peer, str(error), error.id)

    def refuse_request(
        self, peer: Peer, reason: str, id_: Any = None, name: str | None = None
    ) -> None:
        """Refuse the request with the `id` `id_` of the node `name`."""
        sender = name or peer.node or "a connection"
        self._notifier.log_refusal(f"refused {sender!r:.300}: {reason}")
        reply = {"response": "nack", "status": Status.REFUSED.value, "reason": reason}
        peer.write(encode_reply(reply, id_))
        _disconnect_stranger(peer)

    def refuse_line(self, peer: Peer, id_: str | None, reason: str) -> None:
        """Refuse a board's line."""
        sender = peer.node or "a connection"
        self._notifier.log_refusal(f"refused a line of {sender!r:.300}: {reason}")
        peer.write(board_protocol.format_refusal(id_, reason))
        _disconnect_stranger(peer)


def _disconnect_stranger(peer: Peer) -> None:
    if peer.node is None:
        peer.hang_up()
