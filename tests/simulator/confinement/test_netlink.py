"""Interfaces and addresses, in a network namespace of the test."""

import errno
import os
import socket
import traceback
from pathlib import Path

import pytest

from lava_dispatcher_multinode.simulator.confinement import netlink, syscalls

from ...needs import require


@pytest.fixture
def private_network():
    """A function that runs work in a new network namespace; skip if that is refused."""
    require("user namespaces")

    def run(work):
        child = os.fork()
        if child == 0:
            code = 1
            try:
                uid, gid = os.geteuid(), os.getegid()
                syscalls.unshare(syscalls.CLONE_NEWUSER | syscalls.CLONE_NEWNET)
                Path("/proc/self/setgroups").write_text("deny")
                Path("/proc/self/uid_map").write_text(f"0 {uid} 1\n")
                Path("/proc/self/gid_map").write_text(f"0 {gid} 1\n")
                code = 2
                work()
                code = 0
            except BaseException:  # noqa: BLE001 - the child exits here
                traceback.print_exc()
            finally:
                os._exit(code)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        assert code == 0

    return run


def test_two_namespaces_on_a_bridge(private_network):
    """Two interfaces on one bridge connect by TCP."""

    def work():
        home = os.open("/proc/self/ns/net", os.O_RDONLY)
        netlink.add_bridge("bridge0")
        spaces = []
        for number in (1, 2):
            syscalls.unshare(syscalls.CLONE_NEWNET)
            own = os.open("/proc/self/ns/net", os.O_RDONLY)
            syscalls.setns(home, syscalls.CLONE_NEWNET)
            mac = f"02:00:00:00:00:{number:02x}"
            netlink.add_veth(f"plug{number}", "bridge0", "eth0", mac, own)
            syscalls.setns(own, syscalls.CLONE_NEWNET)
            netlink.set_up("lo")
            netlink.add_address("eth0", f"10.1.0.{number}/16")
            netlink.set_up("eth0")
            spaces.append(own)
        syscalls.setns(spaces[0], syscalls.CLONE_NEWNET)
        server = socket.create_server(("10.1.0.1", 5001))
        syscalls.setns(spaces[1], syscalls.CLONE_NEWNET)
        client = socket.create_connection(("10.1.0.1", 5001), 10)
        assert server.accept()[1][0] == "10.1.0.2"
        client.close()

    private_network(work)


def test_errors_and_deletion(private_network):
    """An existing interface cannot be added; deleting works once, and again without error."""

    def work():
        netlink.add_bridge("bridge0")
        with pytest.raises(OSError, match="exists") as refused:
            netlink.add_bridge("bridge0")
        assert refused.value.errno == errno.EEXIST
        netlink.delete("bridge0")
        netlink.delete("bridge0")
        assert "bridge0" not in [name for _, name in socket.if_nameindex()]

    private_network(work)
