"""The sockets on which the coordinator accepts connections."""

from __future__ import annotations

import errno
import logging
import socket
from typing import TYPE_CHECKING

from ..errors import InfrastructureError

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Sequence

logger = logging.getLogger(__name__)

#: Connections accepted before other connections are served.
MAX_ACCEPTS_IN_A_ROW = 64
#: Seconds until connections are accepted again after the process ran out of descriptors.
ACCEPT_PAUSE_S = 0.5
#: Connections that may wait to be accepted; the kernel's own limit (somaxconn) may be lower.
LISTEN_BACKLOG = 4096

#: Socket options in seconds: a board that was powered off is detected after a minute.
KEEPALIVE = {socket.TCP_KEEPIDLE: 30, socket.TCP_KEEPINTVL: 10, socket.TCP_KEEPCNT: 3}


class Listeners:
    """Accepts connections on `sockets`, which it owns, in the asyncio loop `loop`.

    `on_connection(socket)` is called for each, `on_shortage()` when the process has run out
    of descriptors. New connections then wait for a moment; uvloop's own server would accept
    no more of them.
    """

    def __init__(
        self,
        sockets: Sequence[socket.socket],
        loop: asyncio.AbstractEventLoop,
        on_connection: Callable[[socket.socket], None],
        on_shortage: Callable[[], None],
    ) -> None:
        self._sockets = sockets
        self._loop = loop
        self._on_connection = on_connection
        self._on_shortage = on_shortage

    def start(self) -> None:
        """Accept from now on."""
        for listener in self._sockets:
            listener.setblocking(False)
            # Accepted after the rest of a round: connections that end make place first.
            self._loop.add_reader(listener, self._loop.call_soon, self._accept, listener)

    def close(self) -> None:
        """Close the sockets."""
        self._stop()
        for listener in self._sockets:
            listener.close()

    def _stop(self) -> None:
        for listener in self._sockets:
            self._loop.remove_reader(listener)

    def _accept(self, listener: socket.socket) -> None:
        for _ in range(MAX_ACCEPTS_IN_A_ROW):
            try:
                accepted = listener.accept()[0]
            except (BlockingIOError, InterruptedError, ConnectionError):
                return
            except OSError as error:
                logger.warning("the coordinator cannot accept a connection: %s", error)
                self._stop()
                self._loop.call_later(ACCEPT_PAUSE_S, self.start)
                self._on_shortage()
                return
            self._on_connection(accepted)


def open_listener(host: str, port: int) -> socket.socket:
    """Return a socket that listens; `InfrastructureError` if the port is not available."""
    try:
        family, kind, protocol, _name, where = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise InfrastructureError(f"cannot listen on {host}:{port}: {error}") from None
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Accepted sockets inherit these options.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, seconds in KEEPALIVE.items():
            listener.setsockopt(socket.IPPROTO_TCP, option, seconds)
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        listener.bind(where)
        listener.listen(LISTEN_BACKLOG)
    except OSError as error:
        listener.close()
        raise InfrastructureError(
            f"cannot listen on {host}:{port}: {error.strerror} ({_advice(error)})"
        ) from None
    return listener


def _advice(error: OSError) -> str:
    if error.errno == errno.EADDRNOTAVAIL:
        return "it must be an address of this host"
    return "choose another port; 0 is any"
