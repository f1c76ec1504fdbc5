"""Addresses of emulated boards, and the commands that set them."""

from __future__ import annotations

import ipaddress
import subprocess

import pytest

from lava_dispatcher_multinode.qemu import qemu_network as network_module
from lava_dispatcher_multinode.qemu.qemu_network import GROUP, HOST, GroupNetwork

from ..needs import require

BOARDS = 300
TWO = {"panda01": "10.0.4.1", "panda02": "10.0.4.2"}


@pytest.fixture
def network():
    """The network of a job."""
    network = GroupNetwork()
    yield network
    network.close()


def test_every_card_and_board_has_an_address_of_its_own(network):
    """MAC and IP addresses are unique, and none is that of the host."""
    macs = {network.mac(index, card) for index in range(BOARDS) for card in (0, 1)}
    addresses = {network.address(index) for index in range(BOARDS)}
    assert len(macs) == 2 * BOARDS
    assert len(addresses) == BOARDS
    assert HOST not in addresses
    assert all(ipaddress.ip_address(address) in GROUP for address in addresses)
    assert all(int(mac[:2], 16) & 3 == 2 for mac in macs)  # locally administered unicast


def test_jobs_use_different_ports(network):
    """The networks of two jobs do not share a port."""
    other = GroupNetwork()
    assert other.port != network.port
    other.close()


def test_commands_fit_a_terminal_line(network):
    """A command line has fewer than 4095 bytes, the limit of a tty, for many boards too."""
    hosts = {f"board-with-a-long-name-{n:03}": network.address(n) for n in range(BOARDS)}
    commands = network.setup_commands("board-with-a-long-name-000", 0, hosts, ())
    assert max(map(len, commands)) < 4000
    assert all(any(name in command for command in commands) for name in hosts)


@pytest.mark.parametrize("shell", ["sh", "busybox"])
def test_names_are_entered_once(network, tmp_path, shell):
    """A second boot from the same card does not add the names again."""
    require(shell)
    file = tmp_path / "hosts"
    file.write_text("127.0.0.1\tlocalhost\n")
    hosts = {"panda01": network.address(0), "panda02": network.address(1)}
    entering = network.setup_commands("panda01", 0, hosts, ())[-1].replace("/etc/hosts", str(file))
    words = [shell, "sh"] if shell == "busybox" else [shell]
    for _ in range(2):
        subprocess.run([*words, "-c", entering], check=True)
    assert file.read_text().splitlines() == [
        "127.0.0.1\tlocalhost",
        "# the boards of this job 0",
        "10.0.4.1\tpanda01",
        "10.0.4.2\tpanda02",
    ]


def test_a_missing_card_is_an_error(network, monkeypatch):
    """If a card does not appear, the command fails and changes no other card."""
    monkeypatch.setattr(network_module, "MAX_CARD_POLLS", 2)
    command = network.setup_commands("panda01", 0, TWO, ())[2]
    assert subprocess.run(["sh", "-c", command], capture_output=True).returncode == 1


def test_a_single_board_has_no_group_network(network):
    """A single board does not load modules for the group; a group loads them first."""
    alone = network.setup_commands("panda01", 0, {"panda01": "10.0.4.1"}, ["cdc_ether"])
    assert not any("modprobe" in command or "ip route replace" in command for command in alone)
    assert network.setup_commands("panda01", 0, TWO, ["cdc_ether"])[2].startswith(
        "modprobe -qa cdc_ether; "
    )
