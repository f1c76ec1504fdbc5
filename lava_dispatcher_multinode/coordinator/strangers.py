"""Who may stay connected: connections that have not proved to be a member, and a member's."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .connection import Connection

#: Connections of one member; and of those that have not yet proved to be one, beyond
#: one for every member.
PER_MEMBER, STRANGERS = 64, 256


class Strangers:
    """Counts the connections of a group of `size`."""

    def __init__(self, size: int) -> None:
        self._most = size + STRANGERS
        self._strangers: dict[Connection, None] = {}  # oldest first
        self._per_member: Counter[str] = Counter()

    def add(self, connection: Connection) -> Connection | None:
        """Take a new one; return who has to go for it."""
        self._strangers[connection] = None
        return self.oldest() if len(self._strangers) > self._most else None

    def oldest(self) -> Connection | None:
        """Return the one that has waited longest without proof."""
        return next(iter(self._strangers), None)

    def welcome(self, connection: Connection) -> str:
        """Count a connection to its member, once it has one; return why it has to go, or ""."""
        node = connection.node
        if node is None or connection not in self._strangers:
            return ""
        del self._strangers[connection]
        connection.known = True
        self._per_member[node] += 1
        if self._per_member[node] > PER_MEMBER:
            return f"'{node}' has {PER_MEMBER} connections already"
        return ""

    def remove(self, connection: Connection) -> None:
        """Forget one that is closed."""
        if connection in self._strangers:
            del self._strangers[connection]
        elif connection.node is not None:
            self._per_member[connection.node] -= 1
