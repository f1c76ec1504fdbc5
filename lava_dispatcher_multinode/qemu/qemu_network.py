"""The network of emulated boards: host and group, reached under one address per board.

Each board has two network cards. The first leads to the host, 10.0.2.2, through the
user network of QEMU, whose DHCP gives each board its own address. The second leads to
the group by multicast on the loopback of the host, without root or a bridge, for any
number of boards. The second has no address, only a route to the addresses of the group.
`eth0` therefore has the address by which the other boards reach a board.
"""

from __future__ import annotations

import ipaddress
import os
import shlex
import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

NETWORK, HOST = ipaddress.IPv4Network("10.0.0.0/16"), "10.0.2.2"
GROUP = ipaddress.IPv4Network("10.0.4.0/22")
_MULTICAST = "230.0.0.1"
MAX_CARD_POLLS = 50  # every 0.1 s: a card on USB appears after its driver
_HOSTS_PER_COMMAND = 40  # a tty takes lines of up to 4095 bytes


class GroupNetwork:
    """The network for the boards of one job; its port is reserved until `close`."""

    def __init__(self) -> None:
        # Never read: it reserves the port number against other jobs.
        self._reserved = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._reserved.bind(("127.0.0.1", 0))
        self.port: int = self._reserved.getsockname()[1]
        self._number = os.urandom(2)

    def close(self) -> None:
        """Release the port."""
        self._reserved.close()

    def address(self, index: int) -> str:
        """Return the address of board `index`, from 0."""
        return str(GROUP[index + 1])

    def mac(self, index: int, card: int) -> str:
        """Return the MAC address of network card 0 or 1 of a board."""
        tail = bytes([0x52, 0x54, card]) + self._number[:1] + (index + 1).to_bytes(2, "big")
        return tail.hex(":")

    def qemu_arguments(self, index: int) -> list[str]:
        """Return the QEMU arguments for both networks, with the IDs `host` and `group`."""
        user = f"user,id=host,net={NETWORK},host={HOST},dhcpstart={self.address(index)}"
        socket_ = f"socket,id=group,mcast={_MULTICAST}:{self.port},localaddr=127.0.0.1"
        return ["-netdev", user, "-netdev", socket_]

    def setup_commands(
        self, name: str, index: int, hosts: Mapping[str, str], modules: Sequence[str]
    ) -> Sequence[str]:
        """Return the shell commands that set host name, network and /etc/hosts of a board.

        A card is found by its MAC address, as the kernel chooses its name. An address
        from DHCP is kept. `modules` are loaded for the network of the group, which a
        single board does not have.
        """
        address = f"{self.address(index)}/{NETWORK.prefixlen}"
        to_host = (
            f"{_find_card(self.mac(index, 0))} && ip link set $lava_card up && "
            "{ ip addr show dev $lava_card | grep -q 'inet ' || "
            f"{{ ip addr add {address} dev $lava_card && ip route add default via {HOST}; }}; }}"
        )
        load = f"modprobe -qa {' '.join(modules)}; " if modules else ""
        to_group = (
            f"{load}{_wait_for_card(self.mac(index, 1))} && ip link set $lava_card up && "
            f"ip route replace {GROUP} dev $lava_card"
        )
        group = [to_group] if len(hosts) > 1 else []
        return [f"hostname {shlex.quote(name)}", to_host, *group, *_add_hosts(hosts)]


def _find_card(mac: str) -> str:
    """Return a shell condition that sets lava_card to the card with this MAC address."""
    return (
        'lava_card=; for lava_dir in /sys/class/net/*; do read -r lava_mac <"$lava_dir/address"; '
        f'[ "$lava_mac" != {mac} ] || lava_card=${{lava_dir##*/}}; done; [ -n "$lava_card" ]'
    )


def _wait_for_card(mac: str) -> str:
    """Return a condition like that of `_find_card` that waits for the card."""
    return (
        f"lava_tries={MAX_CARD_POLLS}; until {{ {_find_card(mac)}; }} || [ $lava_tries -eq 0 ]; "
        'do lava_tries=$((lava_tries - 1)); sleep 0.1; done; [ -n "$lava_card" ]'
    )


def _add_hosts(hosts: Mapping[str, str]) -> Sequence[str]:
    """Return the commands that add the names to /etc/hosts, once for any number of boots."""
    lines = [f"{address}\t{name}" for name, address in hosts.items()]
    commands = []
    for start in range(0, len(lines), _HOSTS_PER_COMMAND):
        words = " ".join(shlex.quote(line) for line in lines[start : start + _HOSTS_PER_COMMAND])
        note = f"'# the boards of this job {start}'"
        commands.append(
            f"grep -qsx {note} /etc/hosts || printf '%s\\n' {note} {words} >>/etc/hosts"
        )
    return commands
