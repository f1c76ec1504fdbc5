"""Calls that come straight from the boards to the coordinator, where they are configured so.

A board has then a file with the coordinator's address and the node's secret. What it
asks there its dispatcher does not see on the console; the coordinator tells.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from .. import console_frames
from .calls import record_call

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ..emit import Emit
    from ..multinode.api import Call, Outcome

    Listener = Callable[[Call, Outcome], bool]


class Direct:
    """The socket channel of a run's nodes; `answered` may be called from any thread."""

    def __init__(self) -> None:
        self._files: dict[str, bytes] = {}
        self._listeners: dict[str, Listener] = {}

    def allow(self, node: str, address: tuple[str, int], secret: str) -> None:
        """Have `node` ask at `address`, as its board sees it."""
        words = console_frames.encode([node.encode(), secret.encode()]).decode()
        self._files[node] = f"{address[0]} {address[1]} {words}\n".encode()

    def file(self, node: str) -> bytes | None:
        """Return what the file `socket` on the board holds; it is a secret."""
        return self._files.get(node)

    @contextmanager
    def heard_by(self, node: str, listener: Listener) -> Iterator[None]:
        """Tell `listener` of the calls of `node`; it returns whether it has recorded one."""
        self._listeners[node] = listener
        try:
            yield
        finally:
            del self._listeners[node]

    def answered(
        self, emit: Emit, clock: Callable[[], float], node: str, call: Call, outcome: Outcome
    ) -> None:
        """Record the result of a call, in the definition that runs on `node` if one does."""
        listener = self._listeners.get(node)
        if listener is not None and listener(call, outcome):
            return
        record_call(emit, node, call, outcome, None, clock())
