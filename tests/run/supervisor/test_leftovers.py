"""Finding and ending the processes of a dead run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

from lava_dispatcher_multinode.run.supervisor.leftovers import end_lava, end_processes
from lava_dispatcher_multinode.run_id import LAVA_SUFFIX, RUN_ID_VARIABLE

STUBBORN = """
import signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("ready", flush=True)
time.sleep(60)
"""


def start(run_id, *command):
    """Start a process tagged with `run_id`; return it after its first line of output."""
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        env={**os.environ, RUN_ID_VARIABLE: run_id},
        start_new_session=True,
    )
    assert process.stdout is not None
    process.stdout.readline()
    return process


def finish(process):
    """Return the exit code; the pipe is closed."""
    process.stdout.close()
    return process.wait(10)


def test_a_process_may_clean_up_on_sigterm():
    """SIGTERM is the first signal."""
    process = start(
        "mine-1", "sh", "-c", "trap 'exit 7' TERM; echo ready; while :; do sleep 1; done"
    )
    assert end_processes("mine-1") >= 1
    assert finish(process) == 7


def test_a_process_that_ignores_sigterm_is_killed(monkeypatch):
    """SIGKILL follows after the grace period."""
    monkeypatch.setattr("lava_dispatcher_multinode.run.supervisor.leftovers.KILL_GRACE_S", 0.3)
    process = start("mine-2", sys.executable, "-c", STUBBORN)
    assert end_processes("mine-2") == 1
    assert finish(process) == -signal.SIGKILL


def test_grandchildren_are_found_in_sessions_of_their_own():
    """A process leaves its group easily, but keeps its environment."""
    process = start("mine-3", "sh", "-c", "setsid sleep 60 & echo ready; wait")
    assert end_processes("mine-3") >= 2
    finish(process)


def test_other_runs_are_left_alone():
    """A run ID that only begins with ours is another run's."""
    other = start("mine-44", "sh", "-c", "echo ready; exec sleep 60")
    assert end_processes("mine-4") == 0
    assert other.poll() is None
    other.kill()
    finish(other)


def test_lava_is_left_to_its_own_end(monkeypatch):
    """A second SIGTERM would stop LAVA's power-off; SIGQUIT follows after the grace period."""
    monkeypatch.setattr(
        "lava_dispatcher_multinode.run.supervisor.leftovers.LAVA_SHUTDOWN_GRACE_S", 0.3
    )
    signalled = start(f"mine-5{LAVA_SUFFIX}", "sh", "-c", "echo ready; exec sleep 60")
    slow = start(f"mine-6{LAVA_SUFFIX}", "sh", "-c", "echo ready; exec sleep 60")
    assert end_processes("mine-5") == 0
    assert signalled.poll() is None
    signalled.kill()
    finish(signalled)
    assert end_lava("mine-6") == 1
    assert finish(slow) == -signal.SIGQUIT, "reaper.py then kills LAVA"


def test_without_proc_nothing_is_found(monkeypatch, tmp_path):
    """The cleanup continues without /proc."""
    monkeypatch.setattr(
        "lava_dispatcher_multinode.run.supervisor.leftovers.PROC", str(tmp_path / "none")
    )
    assert end_processes("mine-7") == 0
