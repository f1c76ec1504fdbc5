"""One node of a job, as its actions see it."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..errors import Cancelled
from ..serve.servers import Servers
from .socket_channel import Direct

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..boards.uboot_board import UBootBoard
    from ..coordinator.client import GroupClient
    from ..deadline import Deadline
    from ..emit import Emit
    from ..images.store import ImageStore
    from ..job.model import ActionSpec, Job
    from ..overlay.overlay_store import OverlayStore


@dataclass
class NodeServices:
    """What all nodes of a run have in common."""

    job: Job
    job_id: str
    group: Sequence[tuple[str, str]]  # every node's name and role
    images: ImageStore
    overlays: OverlayStore
    emit: Emit
    clock: Callable[[], float]  # seconds since the run's start
    #: Called when a node is through with its actions, or has failed; its board is still up.
    visit: Callable[[Node, BaseException | None], None] = lambda _node, _failure: None
    #: Tells the group early that a node will send no more, and why if it has failed.
    leave: Callable[[str, str | None], None] = lambda _node, _failure: None
    servers: Servers = field(default_factory=Servers)
    cancelled: threading.Event = field(default_factory=threading.Event)
    direct: Direct = field(default_factory=Direct)

    def step(self, node: str, text: str) -> None:
        """Say what `node` is doing just now; the place where a cancelled run ends."""
        if self.cancelled.is_set():
            raise Cancelled("the run was interrupted")
        self.emit("step", node=node, text=text)


@dataclass
class Node:
    """One board with a role, walking its actions; used by that node's thread only."""

    name: str
    role: str
    board: UBootBoard
    group_client: GroupClient
    services: NodeServices
    spec: ActionSpec  # the action that runs
    deadline: Deadline  # of that action
    booted: bool = False  # since the last deploy
    stages: int = 0  # lava_test_shell actions begun
    overlay_boot: int = 0  # the boot since which the overlay is on the board
    overlay_in_image: bool = False  # the last deploy put the overlay into the image

    @property
    def job(self) -> Job:
        """The job."""
        return self.services.job

    def step(self, text: str) -> None:
        """Say what the action is doing just now; raise `Cancelled` if the run is over."""
        self.services.step(self.name, text)

    def log(self, level: str, text: str) -> None:
        """Record a remark."""
        self.services.emit("log", node=self.name, level=level, text=text)
