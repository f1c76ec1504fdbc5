"""Where a board with `multinode: socket` finds the coordinator, and where that listens for it."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from ..lab.device_model import Device

LOOPBACK = "127.0.0.1"
#: Under which QEMU's user network has the host's loopback.
QEMU_HOST = "10.0.2.2"


class Way(NamedTuple):
    """An address of this host, and the same one as the board sees it."""

    listen: str
    told: str


def way_of(device: Device) -> Way | None:
    """Return the way to the coordinator, or None: over the console only."""
    if device.multinode != "socket":
        return None
    if device.connection.simulated:  # a process of this host
        return Way(LOOPBACK, LOOPBACK)
    if device.connection.qemu is not None:  # its user network has this host's loopback
        return Way(LOOPBACK, QEMU_HOST)
    told = device.dispatcher_ip
    if told is None:  # refused when the device file was read
        return None
    if _is_loopback(told):  # a tunnel of the user's
        return Way(LOOPBACK, told)
    return Way(told, told)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
