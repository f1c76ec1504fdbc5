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
    from .board_selection import Assignment
    from .job_coordinator import Credentials
    from .node import NodeEndHook
    from .node_runner import NodeRunner
    from .supervisor.supervisor import Supervisor


def is_driven_here(device: Device) -> bool:
    """Return True if this package drives the device, rather than LAVA's dispatcher."""
    return device.host != LAVA


def make_nodes(
    members: Sequence[Assignment],
    services: NodeServices,
    virtual: Mapping[str, VirtualBoard],
    credentials: Mapping[str, Credentials],
    stack: ExitStack,
    *,
    output: Path,
    directory: Path,
    supervisor: Supervisor,
    on_node_end: NodeEndHook | None = None,
) -> list[NodeRunner]:
    """Return a runner for each member.

    Nodes on boards that this package drives have joined the group, until `stack` is closed;
    LAVA's dispatcher joins when its node runs. Records of nodes are kept below `output`,
    what is removed at the end of the run below `directory`.
    """
    lava = LavaJob(services.job, services.group, directory / "lava", supervisor.add_scratch)
    runners: list[NodeRunner] = []
    for member in members:
        device, role = member.device, member.role
        access, record = credentials[device.name], output / "nodes" / device.name
        if not is_driven_here(device):
            runners.append(LavaNode(device, role, services, record, lava, access))
            continue
        client = GroupClient(
            access.address, group=access.group, node=device.name, role=role, secret=access.secret
        )
        stack.enter_context(client)
        board, release = virtual.get(device.name), supervisor.release_device
        runners.append(
            BoardNode(device, role, board, client, services, record, release, on_node_end)
        )
    return runners
