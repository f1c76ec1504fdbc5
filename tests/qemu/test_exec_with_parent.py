"""The program that binds another one to its parent."""

from __future__ import annotations

import os
import subprocess
import sys

from lava_dispatcher_multinode.qemu import exec_with_parent


def run(parent):
    """Run echo with `parent` as the given parent."""
    words = [sys.executable, "-I", "-S", exec_with_parent.__file__, str(parent), "echo", "started"]
    return subprocess.run(words, capture_output=True, text=True)


def test_it_becomes_the_program():
    """The program runs in the same process, with its own output."""
    assert run(os.getpid()).stdout == "started\n"


def test_a_parent_that_has_ended():
    """Without the parent, the signal would never come: the program does not start."""
    done = run(os.getpid() + 1)
    assert done.returncode
    assert "ended already" in done.stderr
    assert not done.stdout
