"""The common part of all confinements."""

import os
import subprocess
import sys

from lava_dispatcher_multinode.simulator.confinement import confinement
from lava_dispatcher_multinode.simulator.confinement.confinement import ConfinedBoard


def test_hosts_file():
    """The hosts file has all boards of the job."""
    board = ConfinedBoard(
        "b",
        1,
        "10.0.0.2",
        {"b": "10.0.0.2", "a": "10.0.0.1"},
        1,
        autologin=False,
        serial_port="ttyS0",
    )
    lines = confinement.hosts_file(board).splitlines()
    assert lines[0] == "127.0.0.1\tlocalhost"
    assert lines[2:] == ["10.0.0.1\ta", "10.0.0.2\tb"]


def test_descendants_are_ended():
    """All descendants are killed, also those whose parents have ended."""
    program = """
import os, subprocess, sys
from lava_dispatcher_multinode.simulator.confinement import confinement, syscalls
syscalls.adopt_orphans()
subprocess.run(["sh", "-c", "sleep 600 & (setsid sleep 600 &) ; exit 0"], check=True)
confinement.kill_descendants()
print(confinement._list_children(os.getpid()), confinement._search_children(os.getpid()))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == "[] []\n"


def test_children_are_found_both_ways():
    """Children are found with and without the list of the kernel."""
    child = subprocess.Popen(["sleep", "60"])
    assert child.pid in confinement._search_children(os.getpid())
    child.kill()
    child.wait()
