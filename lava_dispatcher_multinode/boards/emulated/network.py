"""The networks of emulated boards: one with the host, one of the group's own.

The host is reached as 10.0.2.2, by each board over a link of its own. The group's
network is multicast on this host's loopback: no root, no bridge, any number of
boards.
"""

from __future__ import annotations

import ipaddress
import os
import shlex
import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

GROUP = ipaddress.IPv4Network("10.66.0.0/16")
_MULTICAST = "230.0.0.1"
_HOSTS_AT_ONCE = 40  # in one command line: a tty takes 4095 bytes


class GroupNetwork:
    """A network for the boards of one job; its port is taken until `close`."""

    def __init__(self) -> None:
        # Nobody listens here: it is held, so that no other job gets the number.
        self._held = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._held.bind(("127.0.0.1", 0))
        self.port: int = self._held.getsockname()[1]
        self._number = os.urandom(2)

    def close(self) -> None:
        """Give the port back."""
        self._held.close()

    def address(self, index: int) -> str:
        """Return the address of the board number `index`, from 0."""
        return str(GROUP[index + 1])

    def mac(self, index: int, card: int) -> str:
        """Return the hardware address of a board's network card 0 or 1."""
        tail = bytes([0x52, 0x54, card]) + self._number[:1] + (index + 1).to_bytes(2, "big")
        return tail.hex(":")

    def words(self, host: str, group: str) -> list[str]:
        """Return what QEMU is told to have both networks under these ids."""
        backend = f"socket,id={group},mcast={_MULTICAST}:{self.port},localaddr=127.0.0.1"
        return ["-netdev", f"user,id={host}", "-netdev", backend]


def introduction(name: str, mac: str, address: str, hosts: Mapping[str, str]) -> Sequence[str]:
    """Return the commands that tell a board its name, its address and its group's names.

    The card is found by its address: what it is called is the kernel's affair.
    """
    network = (
        "for lava_card in /sys/class/net/*; do read -r lava_mac <$lava_card/address; "
        f'[ "$lava_mac" = {mac} ] || continue; lava_card=${{lava_card##*/}}; '
        f"ip addr add {address}/{GROUP.prefixlen} dev $lava_card; ip link set $lava_card up; done"
    )
    lines = [f"{address}\t{name}" for name, address in hosts.items()]
    mark = "# the boards of this job"
    commands = [f"hostname {shlex.quote(name)}", network]
    for start in range(0, len(lines), _HOSTS_AT_ONCE):
        words = " ".join(shlex.quote(line) for line in lines[start : start + _HOSTS_AT_ONCE])
        note = f"{mark} {start}"
        # Once, also on a board that boots again from the same card.
        commands.append(
            f"grep -qsx '{note}' /etc/hosts || printf '%s\\n' '{note}' {words} >>/etc/hosts"
        )
    return commands
