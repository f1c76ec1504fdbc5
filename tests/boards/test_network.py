"""The network of a board: an existing address, a DHCP client, or an error."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from lava_dispatcher_multinode.boards import network
from lava_dispatcher_multinode.errors import DeployError
from lava_dispatcher_multinode.lab.device_sections import Network

IP = "2: eth0: <UP>\n    inet 10.0.2.15/24 brd 10.0.2.255 scope global eth0"
IFCONFIG = "eth0  Link encap:Ethernet\n      inet addr:192.168.1.7  Bcast:192.168.1.255"
NET_TOOLS = "eth0: flags=4163\n        inet 172.16.0.9  netmask 255.255.0.0"


class Board:
    """A board that has an address after the command `brings`."""

    def __init__(self, listing="", brings=None, programs=(), interface="eth0"):
        self.said: list[str] = []
        self._listing, self._brings, self._programs = listing, brings, programs
        self._up = brings is None
        self._interface = interface

    def has(self, program):
        """Return whether the board has the program."""
        return program in self._programs

    def run(self, command, *, timeout=0.0):
        """Run a command."""
        self.said.append(command)
        if command == network.FIND_INTERFACE:
            return 0, self._interface
        if command == network.SHOW_ADDRESS.format(self._interface or "lo"):
            return (0, self._listing) if self._up else (1, "inet 127.0.0.1/8")
        if self._brings and self._brings in command:
            self._up = True
        return (1, "no lease") if "fails" in command else (0, "")


@pytest.mark.parametrize(
    ("listing", "address"),
    [(IP, "10.0.2.15"), (IFCONFIG, "192.168.1.7"), (NET_TOOLS, "172.16.0.9")],
)
def test_an_existing_address_is_used(listing, address):
    """The output of ip and of both kinds of ifconfig; no DHCP client starts."""
    board = Board(listing)
    assert network.bring_up(board, Network()) == address
    assert len(board.said) == 2


@pytest.mark.parametrize("client", list(network.CLIENTS))
def test_a_dhcp_client_is_started(client):
    """The first client that the board has."""
    board = Board(IP, brings=f"{client} ", programs=(client,))
    assert network.bring_up(board, Network()) == "10.0.2.15"


def test_the_device_file_has_precedence():
    """The interface and the commands of the device file count."""
    board = Board(IP, brings="static-ip", interface="usb0")
    assert network.bring_up(board, Network("usb0", ("static-ip",))) == "10.0.2.15"
    assert network.FIND_INTERFACE not in board.said


@pytest.mark.parametrize(
    ("board", "settings", "message"),
    [
        (Board(interface=""), Network(), "no Ethernet interface: set network.interface"),
        (Board(brings="never"), Network(), "has none of udhcpc, .*: set network.commands"),
        (Board(brings="never", programs=("dhclient",)), Network(), "no address on eth0"),
        (Board(brings="never"), Network(None, ("fails",)), "'fails' exited with 1: no lease"),
    ],
)
def test_missing_keys_are_named(board, settings, message):
    """The error names the key to set."""
    with pytest.raises(DeployError, match=message):
        network.bring_up(board, settings)


def test_the_loopback_is_no_network():
    """The address of the loopback does not count."""
    assert network._address(SimpleNamespace(run=lambda _: (0, "inet 127.0.0.1/8")), "lo") is None
