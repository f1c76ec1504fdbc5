"""Commands of device files: all of them ended, none waited for that need not be."""

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
    """Exit code 0 is all that counts."""
    run_command("echo noise; true", 10)


def test_a_failure_has_code_and_last_words():
    """The end of what it printed, stderr too, and not megabytes of it."""
    with pytest.raises(HostCommandFailed) as caught:
        run_command("yes | head -c 100000; echo no route to PDU >&2; exit 7", 10)
    assert str(caught.value).startswith("exited with 7: ")
    assert str(caught.value).endswith("no route to PDU")
    assert len(str(caught.value)) < MAX_OUTPUT_BYTES + 50


def test_a_time_out_ends_everything_that_was_started(tmp_path):
    """A grandchild does not switch the mux when nobody expects it any more."""
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
    """A command that starts something and is done is done."""
    pid = tmp_path / "pid"
    began = time.monotonic()
    run_command(f"setsid sh -c 'echo $$ > {pid}; exec sleep 60' & sleep 0.2", 30)
    assert time.monotonic() - began < 20
    os.kill(int(pid.read_text()), signal.SIGKILL)
