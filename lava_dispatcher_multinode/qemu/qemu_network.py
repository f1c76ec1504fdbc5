"""The network of emulated boards: the host and the group, both behind one address.

Each board has two cards. The first leads to the host, 10.0.2.2, by QEMU's own user
network, whose DHCP gives each board an address of its own. The second leads to the
group: multicast on this host's loopback, without root or a bridge, for any number
of boards. It has no address; a route says that the group's addresses are there. So
`eth0` has the address by which the others know a board, as on a bench.
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
CARD_TRIES = 50  # of 0.1 s: what is on USB is found in its own time
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

    def words(self, index: int, host: str, group: str) -> list[str]:
        """Return what QEMU is told to have both networks under these ids."""
        user = f"user,id={host},net={NETWORK},host={HOST},dhcpstart={self.address(index)}"
        socket_ = f"socket,id={group},mcast={_MULTICAST}:{self.port},localaddr=127.0.0.1"
        return ["-netdev", user, "-netdev", socket_]

    def setup_commands(
        self, name: str, index: int, hosts: Mapping[str, str], modules: Sequence[str] = ()
    ) -> Sequence[str]:
        """Return the commands that tell a board its name, its network and its group's names.

        A card is found by its own address: what it is called is the kernel's affair.
        An address that DHCP has given already is the right one. `modules` are loaded
        for the group's network; a board by itself has none.
        """
        address = f"{self.address(index)}/{NETWORK.prefixlen}"
        to_host = (
            f"{_card(self.mac(index, 0))} && ip link set $lava_card up && "
            "{ ip addr show dev $lava_card | grep -q 'inet ' || "
            f"{{ ip addr add {address} dev $lava_card && ip route add default via {HOST}; }}; }}"
        )
        load = f"modprobe -qa {' '.join(modules)}; " if modules else ""
        to_group = (
            f"{load}{_card_in_time(self.mac(index, 1))} && ip link set $lava_card up && "
            f"ip route replace {GROUP} dev $lava_card"
        )
        group = [to_group] if len(hosts) > 1 else []
        return [f"hostname {shlex.quote(name)}", to_host, *group, *_hosts(hosts)]


def _card(mac: str) -> str:
    """Return a condition that sets lava_card to the card with this address."""
    return (
        'lava_card=; for lava_dir in /sys/class/net/*; do read -r lava_mac <"$lava_dir/address"; '
        f'[ "$lava_mac" != {mac} ] || lava_card=${{lava_dir##*/}}; done; [ -n "$lava_card" ]'
    )


def _card_in_time(mac: str) -> str:
    """Return a condition as `_card`'s that waits for the card to come."""
    return (
        f"lava_tries={CARD_TRIES}; until {{ {_card(mac)}; }} || [ $lava_tries -eq 0 ]; "
        'do lava_tries=$((lava_tries - 1)); sleep 0.1; done; [ -n "$lava_card" ]'
    )


def _hosts(hosts: Mapping[str, str]) -> Sequence[str]:
    """Return the commands that enter the names, once, however often the board boots."""
    lines = [f"{address}\t{name}" for name, address in hosts.items()]
    commands = []
    for start in range(0, len(lines), _HOSTS_AT_ONCE):
        words = " ".join(shlex.quote(line) for line in lines[start : start + _HOSTS_AT_ONCE])
        note = f"'# the boards of this job {start}'"
        commands.append(
            f"grep -qsx {note} /etc/hosts || printf '%s\\n' {note} {words} >>/etc/hosts"
        )
    return commands
