"""Members whose connection stands for them: when it is lost and none follows, so are they."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..multinode.deadlines import Deadlines

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .access import Peer


class Presence:
    """`grace`: seconds that a member may be without such a connection; None: any time."""

    def __init__(self, grace: float | None) -> None:
        self._grace = grace
        self._peers: dict[str, set[Peer]] = {}
        self.missed: Deadlines[str] = Deadlines()

    def here(self, name: str, peer: Peer) -> None:
        """Note that the connection `peer` stands for `name`."""
        self._peers.setdefault(name, set()).add(peer)
        self.missed.discard(name)

    def gone(self, peer: Peer, now: float) -> None:
        """Note that `peer` is closed."""
        peers = self._peers.get(peer.node or "", set())
        if peer not in peers:
            return
        peers.discard(peer)
        if not peers and self._grace is not None and peer.node is not None:
            self.missed.set(peer.node, now + self._grace)

    def lost(self, now: float) -> Iterator[str]:
        """Yield, once, the names of those that have not come back in time."""
        return self.missed.expired(now)
