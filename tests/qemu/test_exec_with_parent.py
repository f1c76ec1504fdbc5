"""The few lines that bind a process to its parent."""

from __future__ import annotations

import os
import subprocess
import sys

from lava_dispatcher_multinode.qemu import exec_with_parent


def run(parent):
    """Run echo on a leash that `parent` is said to hold."""
    words = [sys.executable, "-I", "-S", exec_with_parent.__file__, str(parent), "echo", "started"]
    return subprocess.run(words, capture_output=True, text=True)


def test_it_becomes_the_program():
    """Whatever holds it gets the program itself, with its output and exit code."""
    assert run(os.getpid()).stdout == "started\n"


def test_whose_parent_has_gone_does_not_start():
    """The signal of a death that came before the leash would never come."""
    done = run(os.getpid() + 1)
    assert done.returncode
    assert "gone" in done.stderr
    assert not done.stdout
