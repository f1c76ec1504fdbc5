"""Host commands: timeouts end all descendants; daemons are not waited for."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from lava_dispatcher_multinode.boards.host_command import (
    MAX_OUTPUT_BYTES,
    HostCommandFailed,
    run_command,
)


def test_success_is_silent():
    """Only the exit code counts."""
    run_command("echo noise; true", 10)


def test_a_failure_has_code_and_output():
    """The error has the end of the output, with stderr, up to a limit."""
    with pytest.raises(HostCommandFailed) as caught:
        run_command("yes | head -c 100000; echo no route to PDU >&2; exit 7", 10)
    assert str(caught.value).startswith("exited with 7: ")
    assert str(caught.value).endswith("no route to PDU")
    assert len(str(caught.value)) < MAX_OUTPUT_BYTES + 50


def test_a_timeout_ends_all_descendants(tmp_path):
    """A descendant cannot switch the mux after the timeout."""
    pid = tmp_path / "pid"
    with pytest.raises(HostCommandFailed, match="has not ended within 0.3 s"):
        run_command(f"sh -c 'echo $$ > {pid}; exec sleep 100' & wait", 0.3)
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            stat = Path("/proc", pid.read_text().strip(), "stat").read_text()
        except FileNotFoundError:
            return
        if stat.rpartition(")")[2].split()[0] == "Z":
            return  # the first process of a container may be one that never looks
        time.sleep(0.01)
    pytest.fail("the grandchild still runs")


def test_a_daemon_left_behind_is_not_waited_for(tmp_path):
    """A command that starts a daemon ends with its own exit."""
    pid = tmp_path / "pid"
    began = time.monotonic()
    run_command(f"setsid sh -c 'echo $$ > {pid}; exec sleep 60' & sleep 0.2", 30)
    assert time.monotonic() - began < 20
    os.kill(int(pid.read_text()), signal.SIGKILL)
