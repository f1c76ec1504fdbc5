"""Which connections the loop watches, and for what."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import select

    from .connection import Connection


class Watched:
    """Those in `poll`, by descriptor."""

    def __init__(self, poll: select.epoll) -> None:
        self._poll = poll
        self.by_number: dict[int, Connection] = {}

    def watch(self, connection: Connection, wanted: int) -> None:
        """Watch for the events `wanted` from now on; 0: for none."""
        if wanted == connection.registered:
            return
        number = connection.socket.fileno()
        if not connection.registered:
            self._poll.register(number, wanted)
            self.by_number[number] = connection
        elif wanted:
            self._poll.modify(number, wanted)
        else:
            self._poll.unregister(number)
            del self.by_number[number]
        connection.registered = wanted
