"""Finding and ending what a dead run has left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

from lava_dispatcher_multinode.run.supervisor.leftovers import end_lava, end_marked
from lava_dispatcher_multinode.run_id import LAVA_SUFFIX, RUN_ID_VARIABLE

STUBBORN = """
import signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("ready", flush=True)
time.sleep(60)
"""


def start(mark, *command):
    """A process with `mark`, once it has said something."""
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        env={**os.environ, RUN_ID_VARIABLE: mark},
        start_new_session=True,
    )
    assert process.stdout is not None
    process.stdout.readline()
    return process


def finish(process):
    """Return the exit code; the pipe is closed."""
    process.stdout.close()
    return process.wait(10)


def test_who_is_asked_politely_may_tidy_up():
    """SIGTERM comes first."""
    process = start(
        "mine-1", "sh", "-c", "trap 'exit 7' TERM; echo ready; while :; do sleep 1; done"
    )
    assert end_marked("mine-1") >= 1
    assert finish(process) == 7


def test_who_does_not_listen_is_killed(monkeypatch):
    """SIGTERM ignored is SIGKILL after the grace."""
    monkeypatch.setattr("lava_dispatcher_multinode.run.supervisor.leftovers.GRACE", 0.3)
    process = start("mine-2", sys.executable, "-c", STUBBORN)
    assert end_marked("mine-2") == 1
    assert finish(process) == -signal.SIGKILL


def test_grandchildren_are_found_in_sessions_of_their_own():
    """A process group is left behind easily; the environment is not."""
    process = start("mine-3", "sh", "-c", "setsid sleep 60 & echo ready; wait")
    assert end_marked("mine-3") >= 2
    finish(process)


def test_other_runs_are_left_alone():
    """A mark is one run's, and one that only begins with it is another."""
    other = start("mine-44", "sh", "-c", "echo ready; exec sleep 60")
    assert end_marked("mine-4") == 0
    assert other.poll() is None
    other.kill()
    finish(other)


def test_lava_is_left_to_its_own_end(monkeypatch):
    """The kernel has told it; a second signal would keep it from switching its board off."""
    monkeypatch.setattr(
        "lava_dispatcher_multinode.run.supervisor.leftovers.LAVA_SHUTDOWN_GRACE_S", 0.3
    )
    told = start(f"mine-5{LAVA_SUFFIX}", "sh", "-c", "echo ready; exec sleep 60")
    slow = start(f"mine-6{LAVA_SUFFIX}", "sh", "-c", "echo ready; exec sleep 60")
    assert end_marked("mine-5") == 0
    assert told.poll() is None
    told.kill()
    finish(told)
    assert end_lava("mine-6") == 1
    assert finish(slow) == -signal.SIGQUIT, "which reaper.py takes for the order to kill"


def test_without_proc_nothing_is_found(monkeypatch, tmp_path):
    """And nothing breaks: the boards are still to be switched off."""
    monkeypatch.setattr(
        "lava_dispatcher_multinode.run.supervisor.leftovers.PROC", str(tmp_path / "none")
    )
    assert end_marked("mine-7") == 0
