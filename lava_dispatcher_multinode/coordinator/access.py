"""Who may speak to a group, and as whom: group name, node secrets, names taken."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .requests import Head


class Peer(Protocol):
    """The far end of one connection."""

    node: str | None  # the member it speaks for, once it has proved to be one

    def write(self, frame: bytes) -> None:
        """Send a frame or a line, after what was sent before."""

    def hang_up(self) -> None:
        """Close, after what was sent has left."""


class Door:
    """Checks every request before it can change anything.

    `secrets`: name -> the secret without which that name cannot be used; a name
    that joins later may bring one. A name without one belongs to the host
    (`hostname`) that used it first, and while a connection with held requests
    is open, to that connection.
    """

    def __init__(self, group: str, secrets: Mapping[str, str]) -> None:
        self._group = _bytes(group)
        self._secrets = dict(secrets)
        self._hosts: dict[str, str] = {}
        self._holders: dict[str, Peer] = {}

    def problem(self, head: Head, peer: Peer) -> str:
        """Return why what `head` asks is refused, or "". The sentence gives nothing away."""
        if not hmac.compare_digest(_bytes(head.group), self._group):
            return "unknown group"
        name = head.client
        if peer.node not in {None, name}:
            return f"this connection belongs to '{peer.node}', not to '{name[:80]}'"
        secret = self._secrets.get(name)
        if secret is not None:
            ok = head.secret is not None and _same(head.secret, secret)
            return "" if ok else f"the secret of '{name}' is missing or wrong"
        if self._holders.get(name, peer) is not peer:
            return f"the name '{name[:80]}' is taken: another connection uses it"
        if self._hosts.get(name, head.hostname) != head.hostname:
            return f"the name '{name[:80]}' is taken: another host uses it"
        return ""

    def line_problem(self, name: str, secret: str, peer: Peer) -> str:
        """Return why a board's line is refused, or "". Only a name with a secret has lines."""
        if peer.node not in {None, name}:
            return f"this connection belongs to '{peer.node}', not to '{name[:80]}'"
        right = self._secrets.get(name)
        if right is None or not _same(secret, right):
            return f"the secret of '{name[:80]}' is wrong, or it has none"
        return ""

    def joined(self, head: Head) -> None:
        """Note that the group has a new name: it needs from now on the secret that it brought."""
        if head.secret:
            self._secrets[head.client] = head.secret

    def enter(self, head: Head, peer: Peer) -> None:
        """Note that `peer` uses the name; to be called once the group has let it in."""
        peer.node = head.client
        if head.client not in self._secrets:
            self._hosts.setdefault(head.client, head.hostname)
            if head.hold:
                self._holders[head.client] = peer

    def lasting(self, head: Head) -> bool:
        """Whether `head`, once let in, is so as long as its connection is open."""
        return head.hold or head.client in self._secrets

    def leave(self, peer: Peer) -> None:
        """Forget a connection; its name is free for another of the same host."""
        if peer.node is not None and self._holders.get(peer.node) is peer:
            del self._holders[peer.node]


def _same(mine: str, theirs: str) -> bool:
    """Compare without telling by the time taken how much is right."""
    return hmac.compare_digest(_bytes(mine), _bytes(theirs))


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
