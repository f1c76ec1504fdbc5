"""The coordinator of a run, and how each node and each device reaches it."""

from __future__ import annotations

import ipaddress
import secrets
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from ..actions.socket_channel import SocketChannels
from ..coordinator.server import Coordinator

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from contextlib import ExitStack

    from ..emit import Emit
    from ..job.model import Job
    from ..lab.device_model import Device
    from .board_selection import Assignment

LOOPBACK = "127.0.0.1"
#: The address at which QEMU's user network offers the host's loopback.
QEMU_HOST = "10.0.2.2"


class Credentials(NamedTuple):
    """The address, group and secret with which a node joins."""

    address: tuple[str, int]
    group: str
    secret: str


class CoordinatorAddress(NamedTuple):
    """An address of this host, and the one at which the device reaches it."""

    listen: str
    from_device: str


class JobCoordinator(NamedTuple):
    """The run's coordinator with the credentials of its nodes and the sockets of its devices."""

    server: Coordinator
    credentials: Mapping[str, Credentials]
    socket_channels: SocketChannels

    def leave(self, node: str, failure: str | None) -> None:
        """Report to the group that `node` sends no more, and the first line of its failure."""
        if failure is None:
            self.server.node_finished(node)
        else:
            self.server.node_failed(node, failure.partition("\n")[0])


def open_coordinator(
    job: Job,
    members: Sequence[Assignment],
    emit: Emit,
    clock: Callable[[], float],
    stack: ExitStack,
) -> JobCoordinator:
    """Return the coordinator of `members`; it listens until `stack` is closed.

    `clock` returns seconds since the run's start.
    """
    secret_of = {member.device.name: secrets.token_hex(16) for member in members}
    group = secrets.token_hex(16)
    socket_channels = SocketChannels(emit, clock)
    addresses = {
        member.device.name: address
        for member in members
        if (address := coordinator_address(member.device)) is not None
    }
    server = stack.enter_context(
        Coordinator(
            group=group,
            nodes={member.device.name: member.role for member in members},
            secrets=secret_of,
            timeout=job.timeout,
            deadlock_grace=job.deadlock_grace,
            observer=partial(_observe, emit, clock),
            on_reply=socket_channels.record_reply,
            hosts=[address.listen for address in addresses.values()],
        )
    )
    for name, address in addresses.items():
        port = server.address_on(address.listen)[1]
        socket_channels.allow(name, (address.from_device, port), secret_of[name])
    credentials = {
        name: Credentials(server.address, group, secret) for name, secret in secret_of.items()
    }
    return JobCoordinator(server, credentials, socket_channels)


def coordinator_address(device: Device) -> CoordinatorAddress | None:
    """Return where `device` reaches the coordinator; None without `multinode: socket`."""
    if device.multinode != "socket":
        return None
    if device.connection.simulated:  # a process of this host
        return CoordinatorAddress(LOOPBACK, LOOPBACK)
    if device.connection.qemu is not None:
        return CoordinatorAddress(LOOPBACK, QEMU_HOST)
    host = device.dispatcher_ip
    if host is None:  # refused when the device file was read
        return None
    return CoordinatorAddress(LOOPBACK if _is_loopback(host) else host, host)


def _is_loopback(host: str) -> bool:
    """Return True for a loopback address: the user has set up a tunnel to it."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _observe(emit: Emit, clock: Callable[[], float], event: str, **fields: Any) -> None:
    """Record a coordinator's event; a wait's length becomes the time at which it began."""
    if "seconds" in fields:
        fields["asked"] = round(clock() - fields.pop("seconds"), 6)
    emit(event, **fields)
