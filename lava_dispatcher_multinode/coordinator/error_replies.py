"""No, with the reason, in the form in which it was asked: a frame or a line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..multinode.api import Status
from . import board_protocol
from .protocol import LineError, encode

if TYPE_CHECKING:
    from .access import Peer
    from .observer import Reporter
    from .protocol import WireError


class Refusals:
    """Says it, and has it noted. A peer that has not yet proved to be a member is sent away."""

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter

    def unreadable(self, peer: Peer, error: WireError) -> None:
        """Refuse what could not be understood."""
        if isinstance(error, LineError):
            self.line(peer, error.id, str(error))
        else:
            self.request(peer, str(error), error.id)

    def request(self, peer: Peer, reason: str, tag: Any = None, name: str | None = None) -> None:
        """Refuse a request with the `id` `tag` of the node `name`."""
        self._reporter.refused(f"refused {name or peer.node or 'a connection'!r:.300}: {reason}")
        document = {"response": "nack", "status": Status.REFUSED.value, "reason": reason}
        peer.write(encode(document if tag is None else document | {"id": tag}))
        _send_away_stranger(peer)

    def line(self, peer: Peer, tag: str | None, reason: str) -> None:
        """Refuse a board's line."""
        self._reporter.refused(f"refused a line of {peer.node or 'a connection'!r:.300}: {reason}")
        peer.write(board_protocol.refusal(tag, reason))
        _send_away_stranger(peer)


def _send_away_stranger(peer: Peer) -> None:
    if peer.node is None:
        peer.hang_up()
