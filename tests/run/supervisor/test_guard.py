"""What the dispatcher tells its supervisor, and that the supervisor is there for it."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys

from lava_dispatcher_multinode.run.supervisor.guard import Guard
from lava_dispatcher_multinode.run_id import RUN_ID_VARIABLE

DIE = """
import os, sys
from pathlib import Path
from lava_dispatcher_multinode.run.supervisor.guard import Guard
with Guard() as guard:
    scratch = Path(sys.argv[1])
    scratch.mkdir()
    (scratch / "file").write_text("x")
    guard.remove(scratch)
    os._exit(9)
"""


REPLACED = """
import fcntl, os, sys
from pathlib import Path
from lava_dispatcher_multinode.run.supervisor.guard import Guard
with Guard() as guard:
    scratch = Path(sys.argv[1])
    scratch.mkdir()
    guard.remove(scratch)
    lock = open(sys.argv[2], "w")
    fcntl.flock(lock, fcntl.LOCK_EX)
    guard.keep(lock.fileno())
    first = guard._process
    first.kill()
    while guard._process is first:
        os.sched_yield()
    guard.remove(scratch)  # waits until the other one has been told
    os._exit(9)
"""


def test_an_orderly_end_touches_nothing(tmp_path, capfd):
    """Who ends as he should cleans up himself; the supervisor is gone and has said nothing."""
    with Guard() as guard:
        guard.remove(tmp_path)
        assert len(os.environ[RUN_ID_VARIABLE]) == 16
    assert tmp_path.is_dir()
    assert RUN_ID_VARIABLE not in os.environ
    assert capfd.readouterr().err == ""


def test_a_death_is_noticed(tmp_path):
    """What was to be removed is, and the user is told."""
    scratch = tmp_path / "scratch"
    done = subprocess.run(
        [sys.executable, "-c", DIE, scratch], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 9
    assert "the dispatcher ended without a word" in done.stderr
    assert not scratch.exists()


def test_a_lock_is_held_by_the_supervisor_too(tmp_path):
    """Closing our descriptor does not free it while the supervisor lives; its end does."""
    path = tmp_path / "lock"
    with Guard() as guard:
        with path.open("w") as ours:
            fcntl.flock(ours, fcntl.LOCK_EX)
            guard.keep(ours.fileno())
        with path.open() as other:
            assert not _free(other)
    with path.open() as other:
        assert _free(other)


def test_a_supervisor_that_was_killed_is_replaced(tmp_path, capfd):
    """The next one holds the locks and knows what there is; the run goes on meanwhile."""
    scratch, path = tmp_path / "scratch", tmp_path / "lock"
    done = subprocess.run(
        [sys.executable, "-c", REPLACED, scratch, path], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 9
    assert "the run's supervisor was killed: another one is there now" in done.stderr
    assert "the dispatcher ended without a word" in done.stderr
    assert not scratch.exists()


SPARED = """
import os, sys, time
from pathlib import Path
from lava_dispatcher_multinode.lab.device_model import Device, Power
from lava_dispatcher_multinode.run.supervisor.guard import Guard
directory = Path(sys.argv[1])
devices = [
    Device(name, "panda", power=Power(on="true", off=f"echo {name} >> {directory}/off"))
    for name in ("lent", "ours")
]
with Guard() as guard:
    guard.switch_off(directory, time.monotonic(), devices)
    guard.spare("lent")
    os._exit(9)
"""


def test_a_board_that_another_client_has_is_not_switched_off(tmp_path):
    """The supervisor leaves it as it is; the others are switched off."""
    done = subprocess.run(
        [sys.executable, "-c", SPARED, tmp_path], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 9
    assert (tmp_path / "off").read_text() == "ours\n"


def test_one_that_keeps_dying_stops_nothing(tmp_path, monkeypatch):
    """It is the run's own end that matters."""
    monkeypatch.setattr("lava_dispatcher_multinode.run.supervisor.guard.MOST", 1)
    with Guard() as guard:
        for _ in range(2):
            before = guard._process
            before.kill()
            before.wait()
            guard.remove(tmp_path)
        guard.switch_off(tmp_path, 0.0, [])


def _free(file):
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    fcntl.flock(file, fcntl.LOCK_UN)
    return True
