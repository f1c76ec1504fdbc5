"""The dispatcher's handle, with a real supervisor process."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys

from lava_dispatcher_multinode.run.supervisor.supervisor import Supervisor
from lava_dispatcher_multinode.run_id import RUN_ID_VARIABLE

DIE = """
import os, sys
from pathlib import Path
from lava_dispatcher_multinode.run.supervisor.supervisor import Supervisor
with Supervisor() as supervisor:
    scratch = Path(sys.argv[1])
    scratch.mkdir()
    (scratch / "file").write_text("x")
    supervisor.add_scratch(scratch)
    os._exit(9)
"""


REPLACED = """
import fcntl, os, sys
from pathlib import Path
from lava_dispatcher_multinode.run.supervisor.supervisor import Supervisor
with Supervisor() as supervisor:
    scratch = Path(sys.argv[1])
    scratch.mkdir()
    supervisor.add_scratch(scratch)
    lock = open(sys.argv[2], "w")
    fcntl.flock(lock, fcntl.LOCK_EX)
    supervisor.hold_lock(lock.fileno())
    first = supervisor._process
    first.kill()
    while supervisor._process is first:
        os.sched_yield()
    supervisor.add_scratch(scratch)  # waits until the new process has the state
    os._exit(9)
"""


def test_an_orderly_end_touches_nothing(tmp_path, capfd):
    """After a clean end the supervisor has removed and printed nothing, and the tag is unset."""
    with Supervisor() as supervisor:
        supervisor.add_scratch(tmp_path)
        assert len(os.environ[RUN_ID_VARIABLE]) == 16
    assert tmp_path.is_dir()
    assert RUN_ID_VARIABLE not in os.environ
    assert capfd.readouterr().err == ""


def test_a_death_is_noticed(tmp_path):
    """The scratch directory is removed, and a message reports the death."""
    scratch = tmp_path / "scratch"
    done = subprocess.run(
        [sys.executable, "-c", DIE, scratch], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 9
    assert "the dispatcher died" in done.stderr
    assert not scratch.exists()


def test_a_lock_is_held_by_the_supervisor_too(tmp_path):
    """Closing our descriptor does not release the lock; the end of the supervisor does."""
    path = tmp_path / "lock"
    with Supervisor() as supervisor:
        with path.open("w") as ours:
            fcntl.flock(ours, fcntl.LOCK_EX)
            supervisor.hold_lock(ours.fileno())
        with path.open() as other:
            assert not _free(other)
    with path.open() as other:
        assert _free(other)


def test_a_supervisor_that_was_killed_is_replaced(tmp_path, capfd):
    """The new process holds the locks and has the present state; the run continues."""
    scratch, path = tmp_path / "scratch", tmp_path / "lock"
    done = subprocess.run(
        [sys.executable, "-c", REPLACED, scratch, path], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 9
    assert "the run's supervisor was killed and has been restarted" in done.stderr
    assert "the dispatcher died" in done.stderr
    assert not scratch.exists()


SPARED = """
import os, sys, time
from pathlib import Path
from lava_dispatcher_multinode.lab.device_model import Device
from lava_dispatcher_multinode.lab.device_sections import (Power)
from lava_dispatcher_multinode.run.supervisor.supervisor import Supervisor
directory = Path(sys.argv[1])
devices = [
    Device(name, "panda", power=Power(on="true", off=f"echo {name} >> {directory}/off"))
    for name in ("lent", "ours")
]
with Supervisor() as supervisor:
    supervisor.add_run(directory, time.monotonic(), devices)
    supervisor.release_device("lent")
    os._exit(9)
"""


def test_a_board_that_another_client_has_is_not_switched_off(tmp_path):
    """Only the other devices are powered off."""
    done = subprocess.run(
        [sys.executable, "-c", SPARED, tmp_path], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 9
    assert (tmp_path / "off").read_text() == "ours\n"


def test_a_supervisor_that_keeps_dying_does_not_stop_the_run(tmp_path, monkeypatch):
    """Reports to a dead supervisor are dropped."""
    monkeypatch.setattr("lava_dispatcher_multinode.run.supervisor.supervisor.MAX_RESTARTS", 1)
    with Supervisor() as supervisor:
        for _ in range(2):
            before = supervisor._process
            before.kill()
            before.wait()
            supervisor.add_scratch(tmp_path)
        supervisor.add_run(tmp_path, 0.0, [])


def _free(file):
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    fcntl.flock(file, fcntl.LOCK_UN)
    return True
