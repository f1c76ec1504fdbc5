"""The coordinator: a group's `Service` on a TCP port, in a thread of its own."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Self

from ..errors import InfrastructureError
from ..multinode.group import Group
from .listeners import open_listener
from .service import Service

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Mapping, Sequence

    from ..multinode.api import Call, Outcome
    from .server_loop import ServerLoop


class Coordinator:
    """Serves one group until it is closed; a context manager.

    `nodes`: name -> role of the initial members; others may join until there are `size`
    (None: as many as `nodes`). `secrets`: name -> secret, for names that need one.
    `timeout`: seconds, of a call without its own. `observer(event, **fields)` and
    `on_reply(node, call, outcome)`, for each call that came in a board's line, are called
    in the coordinator's thread. Port 0 is any free port; `hosts`: further addresses to
    listen on, each on any free port. `lost_grace`: seconds until a member fails whose
    `present` connection is lost; None: it never fails for that reason.
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
        on_reply: Callable[[str, Call, Outcome], None] | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        hosts: Sequence[str] = (),
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
            on_reply,
        )
        self._size = size
        self._listen_on = dict.fromkeys([(host, port), *((other, 0) for other in hosts)])
        self._clock = clock
        self._addresses: dict[str, tuple[str, int]] = {}
        self._loop: ServerLoop | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> Self:
        """Listen and serve; raise `InfrastructureError` if the port is not available."""
        from .server_loop import ServerLoop  # with asyncio, which a check of a job needs not load

        listeners: list[socket.socket] = []
        try:
            for host, port in self._listen_on:
                if host not in self._addresses:
                    listeners.append(open_listener(host, port))
                    self._addresses[host] = listeners[-1].getsockname()[:2]
        except InfrastructureError:
            for listener in listeners:
                listener.close()
            raise
        self._loop = ServerLoop(self._service, listeners, self._size, self._clock)
        self._thread = threading.Thread(target=self._loop.run, name="coordinator", daemon=True)
        self._thread.start()
        return self

    def close(self) -> None:
        """Answer the waiting calls, then stop. Repeated calls do nothing."""
        if self._loop is not None and self._thread is not None:
            self._loop.post(self._loop.stop)
            self._thread.join()
            self._thread = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def address(self) -> tuple[str, int]:
        """The host and port of the first listener; RuntimeError before `start`."""
        if not self._addresses:
            raise RuntimeError("the coordinator has not been started")
        return next(iter(self._addresses.values()))

    def address_on(self, host: str) -> tuple[str, int]:
        """Return the host and port of the listener for `host`, one of those passed in."""
        return self._addresses[host]

    def node_failed(self, name: str, reason: str) -> None:
        """Report that the run of `name` has failed: calls that need it end at once."""
        self._post(lambda now: self._service.node_failed(name, reason, now))

    def node_finished(self, name: str) -> None:
        """Report that the run of `name` has ended: calls that need more of it end at once."""
        self._post(lambda now: self._service.node_finished(name, now))

    def abort(self, reason: str) -> None:
        """End every call, waiting or to come, as one that can never be satisfied."""
        self._post(lambda now: self._service.abort(reason, now))

    def _post(self, command: Callable[[float], None]) -> None:
        if self._loop is None:
            command(self._clock())  # there are no clients yet
        else:
            self._loop.post(lambda: command(self._clock()))
