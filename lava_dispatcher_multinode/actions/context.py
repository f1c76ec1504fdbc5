"""The context of an action: its node, and the services of the run."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..errors import INTERRUPTED, Cancelled
from ..serve.servers import Servers

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..boards.driver import BoardDriver
    from ..coordinator.client import GroupClient
    from ..deadline import Deadline
    from ..emit import Emit
    from ..images.store import ImageStore
    from ..job.model import ActionSpec, Job
    from ..overlay.overlay_store import OverlayStore
    from .socket_channel import SocketChannels


@dataclass(frozen=True)
class NodeServices:
    """The services that all nodes of a run share; made once, before the first node."""

    job: Job
    job_id: str
    group: Sequence[tuple[str, str]]  # (name, role) of every node
    images: ImageStore
    overlays: OverlayStore
    emit: Emit
    clock: Callable[[], float]  # seconds since the run's start
    socket_channels: SocketChannels
    #: Reports to the group that a node sends no more, and the reason if it has failed.
    leave_group: Callable[[str, str | None], None]
    servers: Servers = field(default_factory=Servers)
    cancelled: threading.Event = field(default_factory=threading.Event)

    def step(self, node: str, text: str) -> None:
        """Record what `node` does; raise `Cancelled` if the run has been cancelled."""
        if self.cancelled.is_set():
            raise Cancelled(INTERRUPTED)
        self.emit("step", node=node, text=text)

    def log(self, node: str | None, level: str, text: str) -> None:
        """Record a log message of `node`, or of the run; `level` is a level of events.jsonl."""
        self.emit("log", node=node, level=level, text=text)


@dataclass
class Node:
    """A node that runs its actions. Only the node's own thread may use it."""

    name: str
    role: str
    board: BoardDriver
    group_client: GroupClient
    services: NodeServices
    spec: ActionSpec  # the current action
    deadline: Deadline  # of the current action
    booted: bool = False  # since the last deploy
    stages: int = 0  # lava_test_shell actions started
    overlay_boot: int = 0  # `board.boots` when the overlay was last put on the board
    overlay_in_image: bool = False  # the last deploy put the overlay into the image

    @property
    def job(self) -> Job:
        """The job."""
        return self.services.job

    def step(self, text: str) -> None:
        """Record what the action does; raise `Cancelled` if the run has been cancelled."""
        self.services.step(self.name, text)

    def log(self, level: str, text: str) -> None:
        """Record a log message; `level` is a level of events.jsonl."""
        self.services.log(self.name, level, text)
