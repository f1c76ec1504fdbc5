"""What the dispatcher tells its supervisor, and that the supervisor is there for it."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys

from lava_dispatcher_multinode.mark import MARK
from lava_dispatcher_multinode.run.guard import Guard

DIE = """
import os, sys
from pathlib import Path
from lava_dispatcher_multinode.run.guard import Guard
with Guard() as guard:
    scratch = Path(sys.argv[1])
    scratch.mkdir()
    (scratch / "file").write_text("x")
    guard.remove(scratch)
    os._exit(9)
"""


def test_an_orderly_end_touches_nothing(tmp_path, capfd):
    """Who ends as he should cleans up himself; the supervisor is gone and has said nothing."""
    with Guard() as guard:
        guard.remove(tmp_path)
        assert len(os.environ[MARK]) == 16
    assert tmp_path.is_dir()
    assert MARK not in os.environ
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


def test_a_supervisor_that_was_killed_stops_nothing(tmp_path):
    """A run goes on without: it is its own end that matters."""
    with Guard() as guard:
        assert guard._process is not None
        guard._process.kill()
        guard._process.wait()
        guard.remove(tmp_path)
        guard.switch_off(tmp_path, 0.0, [])


def _free(file):
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    fcntl.flock(file, fcntl.LOCK_UN)
    return True
