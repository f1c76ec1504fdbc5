"""Access to a group: names, secrets, limits of connections and liveness of members."""

from __future__ import annotations

import hmac
from collections import Counter
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from ..multinode.deadlines import Deadlines

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from .protocol import Request

#: Connections of one member.
MAX_CONNECTIONS_PER_MEMBER = 64
#: Connections without an accepted request, beyond one for every member.
MAX_STRANGERS = 256


class Peer(Protocol):
    """The far end of one connection."""

    node: str | None  # the member that it has proved to be
    is_counted: bool  # as a connection of its member

    def write(self, data: bytes) -> None:
        """Send a frame or a line, after what was sent before."""

    def hang_up(self) -> None:
        """Close, after what was sent has left."""


class AccessControl:
    """Checks every request before it can change anything.

    `secrets`: name -> the secret without which that name cannot be used; a name that joins
    later may bring one. A name without a secret belongs to the host (`hostname`) that used
    it first, and while a connection with held requests is open, to that connection.
    """

    def __init__(self, group: str, secrets: Mapping[str, str]) -> None:
        self._group = _encode(group)
        self._secrets = dict(secrets)
        self._hosts: dict[str, str] = {}
        self._owners: dict[str, Peer] = {}

    def refuse_request(self, request: Request, peer: Peer) -> str:
        """Return why `request` is refused, or "". The sentence reveals no credential."""
        if not hmac.compare_digest(_encode(request.group), self._group):
            return "unknown group"
        name = request.client
        if peer.node not in {None, name}:
            return f"this connection belongs to '{peer.node}', not to '{name[:80]}'"
        secret = self._secrets.get(name)
        if secret is not None:
            valid = request.secret is not None and _equal(request.secret, secret)
            return "" if valid else f"the secret of '{name}' is missing or wrong"
        if self._owners.get(name, peer) is not peer:
            return f"the name '{name[:80]}' is taken: another connection uses it"
        hostname = request.hostname or ""
        if self._hosts.get(name, hostname) != hostname:
            return f"the name '{name[:80]}' is taken: another host uses it"
        return ""

    def refuse_line(self, name: str, secret: str, peer: Peer) -> str:
        """Return why a board's line is refused, or "". Only a name with a secret has lines."""
        if peer.node not in {None, name}:
            return f"this connection belongs to '{peer.node}', not to '{name[:80]}'"
        expected = self._secrets.get(name)
        if expected is None or not _equal(secret, expected):
            return f"the secret of '{name[:80]}' is wrong, or it has none"
        return ""

    def register_secret(self, request: Request) -> None:
        """Record the secret of a new member: its name cannot be used without it from now on."""
        if request.secret:
            self._secrets[request.client] = request.secret

    def admit(self, request: Request, peer: Peer) -> None:
        """Record that `peer` uses the name; to be called once the group has accepted it."""
        peer.node = request.client
        if request.client not in self._secrets:
            self._hosts.setdefault(request.client, request.hostname or "")
            if request.hold:
                self._owners[request.client] = peer

    def is_lasting(self, request: Request) -> bool:
        """Return True if an admission is checked once and lasts as long as the connection."""
        return request.hold or request.client in self._secrets

    def release(self, peer: Peer) -> None:
        """Forget a closed connection; another one of the same host may use its name."""
        if peer.node is not None and self._owners.get(peer.node) is peer:
            del self._owners[peer.node]


AnyPeer = TypeVar("AnyPeer", bound=Peer)


class ConnectionLimits(Generic[AnyPeer]):
    """Counts the connections of a group of `size`: strangers', and each member's."""

    def __init__(self, size: int) -> None:
        self._max_strangers = size + MAX_STRANGERS
        self._strangers: dict[AnyPeer, None] = {}  # oldest first
        self._per_member: Counter[str] = Counter()

    def add(self, peer: AnyPeer) -> AnyPeer | None:
        """Count a new connection; return the one that has to be closed for it."""
        self._strangers[peer] = None
        return self.oldest_stranger() if len(self._strangers) > self._max_strangers else None

    def oldest_stranger(self) -> AnyPeer | None:
        """Return the oldest connection without an accepted request."""
        return next(iter(self._strangers), None)

    def recognise(self, peer: AnyPeer) -> str:
        """Count a connection to its member, once it has one; return why it is refused, or ""."""
        node = peer.node
        if node is None or peer not in self._strangers:
            return ""
        del self._strangers[peer]
        peer.is_counted = True
        self._per_member[node] += 1
        if self._per_member[node] > MAX_CONNECTIONS_PER_MEMBER:
            return f"'{node}' has {MAX_CONNECTIONS_PER_MEMBER} connections already"
        return ""

    def remove(self, peer: AnyPeer) -> None:
        """Forget a closed connection."""
        if peer in self._strangers:
            del self._strangers[peer]
        elif peer.node is not None:
            self._per_member[peer.node] -= 1


class Presence:
    """Liveness: a member fails when its last `present` connection has been closed for `grace_s`.

    None: it never fails for that reason.
    """

    def __init__(self, grace_s: float | None) -> None:
        self._grace_s = grace_s
        self._peers: dict[str, set[Peer]] = {}
        self.deadlines: Deadlines[str] = Deadlines()

    def add(self, name: str, peer: Peer) -> None:
        """Record that the connection `peer` stands for the member `name`."""
        self._peers.setdefault(name, set()).add(peer)
        self.deadlines.discard(name)

    def remove(self, peer: Peer, now: float) -> None:
        """Record that `peer` is closed."""
        peers = self._peers.get(peer.node or "", set())
        if peer not in peers:
            return
        peers.discard(peer)
        if not peers and self._grace_s is not None and peer.node is not None:
            self.deadlines.set(peer.node, now + self._grace_s)

    def expire(self, now: float) -> Iterator[str]:
        """Yield, once, the names of the members that have not come back in time."""
        return self.deadlines.expired(now)


def _equal(left: str, right: str) -> bool:
    """Compare in a time that does not reveal how much is equal."""
    return hmac.compare_digest(_encode(left), _encode(right))


def _encode(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
