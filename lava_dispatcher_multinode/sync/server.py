"""The coordinator: a group's `Service` on a TCP port, in a thread of its own."""

from __future__ import annotations

import socket
import threading
import time
from typing import TYPE_CHECKING, Self

from ..errors import InfrastructureError
from .loop import Loop
from .service import Service
from .state import Group

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType

#: Connections that may wait to be accepted; the kernel's own limit (somaxconn) may be lower.
LISTEN_BACKLOG = 4096


class Coordinator:
    """Serves one group until it is closed; a context manager.

    `nodes`: name -> role of the members known from the start; others may join until there
    are `size` (None: as many as `nodes`). `secrets`: name -> secret, for names that cannot
    be used without. `timeout`: seconds for a call that brings none. `observer(event,
    **fields)` is called in the coordinator's thread. Port 0 is any free port. `lost_grace`:
    seconds until a member whose connection stood for it counts as failed when that is lost;
    None: never, as something else knows what becomes of it.
    """

    def __init__(
        self,
        *,
        group: str,
        nodes: Mapping[str, str] | None = None,
        size: int | None = None,
        secrets: Mapping[str, str] | None = None,
        timeout: float,
        deadlock_grace: float = 30.0,
        lost_grace: float | None = None,
        observer: Callable[..., None] | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        members = dict(nodes or {})
        if size is None:
            size = len(members)
        if size < max(1, len(members)):
            raise ValueError(f"a group of {size} cannot have {len(members)} devices")
        self._service = Service(
            group,
            Group(members, size=size, timeout=timeout, deadlock_grace=deadlock_grace, now=clock()),
            secrets or {},
            observer,
            lost_grace,
        )
        self._size = size
        self._where = (host, port)
        self._clock = clock
        self._address: tuple[str, int] | None = None
        self._loop: Loop | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> Self:
        """Listen and serve; raise `InfrastructureError` if the port cannot be had."""
        listener = _listen(*self._where)
        self._address = listener.getsockname()[:2]
        self._loop = Loop(self._service, listener, self._size, self._clock)
        self._thread = threading.Thread(target=self._loop.run, name="coordinator", daemon=True)
        self._thread.start()
        return self

    def close(self) -> None:
        """Answer what is pending, then stop. A second time it does nothing."""
        if self._loop is not None and self._thread is not None:
            self._loop.post(self._loop.stop)
            self._thread.join()
            self._thread = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def address(self) -> tuple[str, int]:
        """Host and port that it listens on, once started."""
        if self._address is None:
            raise RuntimeError("the coordinator has not been started")
        return self._address

    def node_failed(self, name: str, reason: str) -> None:
        """The run of `name` has failed: who waits for it is told at once."""
        self._post(lambda now: self._service.node_failed(name, reason, now))

    def node_finished(self, name: str) -> None:
        """The run of `name` has ended: who waits for what it has not sent is told at once."""
        self._post(lambda now: self._service.node_finished(name, now))

    def abort(self, reason: str) -> None:
        """Answer every call, pending or to come, that it can never be satisfied."""
        self._post(lambda now: self._service.abort(reason, now))

    def _post(self, command: Callable[[float], None]) -> None:
        if self._loop is None:
            command(self._clock())  # nobody is served yet
        else:
            self._loop.post(lambda: command(self._clock()))


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _name, where = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise InfrastructureError(f"cannot listen on {host}:{port}: {error}") from None
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # These two are inherited by what it accepts, which spares each connection two calls.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        listener.bind(where)
        listener.listen(LISTEN_BACKLOG)
    except OSError as error:
        listener.close()
        raise InfrastructureError(
            f"cannot listen on {host}:{port}: {error.strerror} (choose another port; 0 is any)"
        ) from None
    return listener
