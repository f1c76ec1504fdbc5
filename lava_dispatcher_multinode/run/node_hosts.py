"""The hosts of nodes: boards that this package drives, and LAVA's dispatcher.

No other module of run/ knows which host runs a node.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..coordinator.client import GroupClient
from ..lab.device_model import LAVA
from ..lava.dispatcher.lava_job import LavaJob
from .lava_node import LavaNode
from .node import BoardNode

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from contextlib import ExitStack
    from pathlib import Path

    from ..actions.context import NodeServices
    from ..boards.hardware import VirtualBoard
    from ..lab.device_model import Device
    from .job_coordinator import Credentials
    from .node import NodeEndHook
    from .node_runner import NodeRunner
    from .supervisor.supervisor import Supervisor


def is_driven_here(device: Device) -> bool:
    """Return True if this package drives the device, rather than LAVA's dispatcher."""
    return device.host != LAVA


def make_nodes(
    nodes: Sequence[tuple[Device, str]],
    services: NodeServices,
    virtual: Mapping[str, VirtualBoard],
    credentials: Mapping[str, Credentials],
    stack: ExitStack,
    *,
    output: Path,
    directory: Path,
    supervisor: Supervisor | None = None,
    on_node_end: NodeEndHook | None = None,
) -> list[NodeRunner]:
    """Return a runner for each device and role.

    Nodes on boards that this package drives have joined the group, until `stack` is closed;
    LAVA's dispatcher joins when its node runs. Records of nodes are kept below `output`,
    what is removed at the end of the run below `directory`.
    """
    on_leftover = supervisor.add_scratch if supervisor else lambda _: None
    release_device = supervisor.release_device if supervisor else lambda _: None
    lava = LavaJob(services.job, services.group, directory / "lava", on_leftover)
    runners: list[NodeRunner] = []
    for device, role in nodes:
        access, record = credentials[device.name], output / "nodes" / device.name
        if not is_driven_here(device):
            runners.append(LavaNode(device, role, services, record, lava, access))
            continue
        client = GroupClient(
            access.address,
            group=access.group,
            node=device.name,
            role=role,
            secret=access.secret,
        )
        stack.enter_context(client)
        board = virtual.get(device.name)
        runners.append(
            BoardNode(device, role, board, client, services, record, release_device, on_node_end)
        )
    return runners
