"""MultiNode calls that devices send straight to the coordinator (`multinode: socket`).

Such a device has a file with the coordinator's address and the node's secret. The dispatcher
does not see these calls on the console; the coordinator reports them.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from .. import console_frames
from ..multinode.api import Status
from ..multinode.board_words import result_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ..emit import Emit
    from ..multinode.api import Call, Outcome

    Listener = Callable[[Call, Outcome], bool]


class SocketChannels:
    """The socket channels of a run's devices. `clock` returns seconds since the run's start."""

    def __init__(self, emit: Emit, clock: Callable[[], float]) -> None:
        self._emit = emit
        self._clock = clock
        self._files: dict[str, bytes] = {}
        self._listeners: dict[str, Listener] = {}

    def allow(self, node: str, address: tuple[str, int], secret: str) -> None:
        """Give `node` a channel to `address`, as its device sees it."""
        words = console_frames.encode([node.encode(), secret.encode()]).decode()
        self._files[node] = f"{address[0]} {address[1]} {words}\n".encode()

    def file(self, node: str) -> bytes | None:
        """Return the secret content of the device's file `socket`; None without a channel."""
        return self._files.get(node)

    @contextmanager
    def subscribed(self, node: str, listener: Listener) -> Iterator[None]:
        """Report calls of `node` to `listener`, which returns True if it has recorded one."""
        self._listeners[node] = listener
        try:
            yield
        finally:
            del self._listeners[node]

    def record_reply(self, node: str, call: Call, outcome: Outcome) -> None:
        """Record the result of a call, in the definition that runs on `node` if there is one.

        Any thread may call this.
        """
        listener = self._listeners.get(node)
        if listener is not None and listener(call, outcome):
            return
        record_call(self._emit, node, call, outcome, None, self._clock())


def record_call(
    emit: Emit, node: str, call: Call, outcome: Outcome, start: float | None, end: float
) -> None:
    """Record the result of `call`; `start` and `end` are seconds since the run's start."""
    emit(
        "test_case",
        node=node,
        definition="lava",
        case=result_name(call),
        result="pass" if outcome.status is Status.DONE else "fail",
        measurement=None,
        units=None,
        set=None,
        start=start,
        end=end,
    )
