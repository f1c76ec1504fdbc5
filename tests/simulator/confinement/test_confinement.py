"""What all confinements share."""

import os
import subprocess
import sys

from lava_dispatcher_multinode.simulator.confinement import confinement
from lava_dispatcher_multinode.simulator.confinement.confinement import Site


def test_hosts_file():
    """Every board of the job is in a board's hosts file, itself too."""
    site = Site("b", 1, "10.0.0.2", {"b": "10.0.0.2", "a": "10.0.0.1"}, 1, autologin=False)
    lines = confinement.hosts_file(site).splitlines()
    assert lines[0] == "127.0.0.1\tlocalhost"
    assert lines[2:] == ["10.0.0.1\ta", "10.0.0.2\tb"]


def test_descendants_are_ended():
    """All below a process end, those whose own parents are gone too."""
    program = """
import os, subprocess, sys
from lava_dispatcher_multinode.simulator.confinement import confinement, syscalls
syscalls.adopt_orphans()
subprocess.run(["sh", "-c", "sleep 600 & (setsid sleep 600 &) ; exit 0"], check=True)
confinement.kill_descendants()
print(confinement._children(os.getpid()), confinement._children_by_search(os.getpid()))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == "[] []\n"


def test_children_are_found_both_ways():
    """Children are found with and without the kernel's own list of them."""
    child = subprocess.Popen(["sleep", "60"])
    assert child.pid in confinement._children_by_search(os.getpid())
    child.kill()
    child.wait()
