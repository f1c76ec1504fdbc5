"""The coordinator of a run, and each node's door to it."""

from __future__ import annotations

import secrets
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from ..coordinator.server import Coordinator
from .direct import way_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import ExitStack

    from ..actions.context import NodeServices
    from ..lab.device_model import Device


class Door(NamedTuple):
    """How a node becomes a member of the group."""

    address: tuple[str, int]
    group: str
    secret: str


def open_coordinator(
    devices: Sequence[Device], services: NodeServices, stack: ExitStack
) -> tuple[Coordinator, dict[str, Door]]:
    """Return the run's coordinator, which listens until `stack` is closed, and the doors by name.

    Boards that ask it over their own network are told where, and `shared` how a node leaves.
    """
    secret_of = {device.name: secrets.token_hex(16) for device in devices}
    group = secrets.token_hex(16)
    ways = {device.name: way for device in devices if (way := way_of(device)) is not None}
    coordinator = stack.enter_context(
        Coordinator(
            group=group,
            nodes=dict(services.group),
            secrets=secret_of,
            timeout=services.job.timeout,
            deadlock_grace=services.job.deadlock_grace,
            observer=partial(_observe, services),
            on_answer=partial(services.direct.answered, services.emit, services.clock),
            hosts=[way.listen for way in ways.values()],
        )
    )
    for name, way in ways.items():
        port = coordinator.address_on(way.listen)[1]
        services.direct.allow(name, (way.told, port), secret_of[name])
    services.leave = partial(leave, coordinator)
    doors = {name: Door(coordinator.address, group, secret) for name, secret in secret_of.items()}
    return coordinator, doors


def leave(coordinator: Coordinator, name: str, failure: str | None) -> None:
    """Tell the group that the node will send no more, and why if it has failed."""
    if failure is None:
        coordinator.node_finished(name)
    else:
        coordinator.node_failed(name, failure.partition("\n")[0])


def _observe(services: NodeServices, event: str, **fields: Any) -> None:
    """Record what the coordinator tells; its waits have a length, a run's events a time."""
    if "seconds" in fields:
        fields["asked"] = round(services.clock() - fields.pop("seconds"), 6)
    services.emit(event, **fields)
