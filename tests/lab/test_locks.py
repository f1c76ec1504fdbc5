"""Holds of boards between real processes: all or nothing."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from lava_dispatcher_multinode.errors import BoardsUnavailable
from lava_dispatcher_multinode.lab import locks
from lava_dispatcher_multinode.lab.allocation import BoardsBusy, BoardsMissing, Requirement
from lava_dispatcher_multinode.lab.device_files import Lab
from lava_dispatcher_multinode.lab.lockfiles import LockFile, holders
from lava_dispatcher_multinode.lab.locks import hold

HOLDER = """
import sys
from pathlib import Path
from lava_dispatcher_multinode.lab.allocation import Requirement
from lava_dispatcher_multinode.lab.device_model import Device
from lava_dispatcher_multinode.lab.device_files import Lab
from lava_dispatcher_multinode.lab.locks import hold

directory, count, total = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
lab = Lab(tuple(Device(f"p{i}", "panda") for i in range(total)))
needed = [Requirement("r", i, "panda") for i in range(count)]
with hold(lab, needed, "other job", 60, directory=directory) as held:
    print(*sorted(d.name for d in held.values()), flush=True)
    sys.stdin.read()
"""


def pandas(count):
    """Return requirements for a number of pandas."""
    return [Requirement("r", index, "panda") for index in range(count)]


@pytest.fixture
def lab(make_device):
    """Return a lab of three pandas, p0 to p2."""
    return Lab(tuple(make_device(f"p{i}") for i in range(3)))


@pytest.fixture
def holder(tmp_path):
    """Return a function that starts a process which holds pandas until its stdin is closed."""
    with contextlib.ExitStack() as stack:

        def start(count, total=3):
            process = stack.enter_context(
                subprocess.Popen(
                    [sys.executable, "-c", HOLDER, str(tmp_path), str(count), str(total)],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                )
            )
            stack.callback(process.kill)
            return process, process.stdout.readline().split()

        yield start


def test_boards_are_held_as_long_as_the_context_lasts(tmp_path, lab):
    """They are free afterwards, also after an error."""
    names = ["p0", "p1", "p2"]
    with hold(lab, pandas(2), "job", directory=tmp_path) as found:
        assert [device.name for device in found.values()] == ["p0", "p1"]
        assert set(holders(tmp_path, names)) == {"p0", "p1"}
    assert holders(tmp_path, names) == {}
    with contextlib.suppress(ZeroDivisionError), hold(lab, pandas(2), "job", directory=tmp_path):
        _ = 1 / 0
    assert holders(tmp_path, names) == {}


def test_another_process_has_the_board(tmp_path, lab, holder):
    """The error names its process and job; other boards are used."""
    process, names = holder(2)
    assert names == ["p0", "p1"]
    with hold(lab, pandas(1), "job", directory=tmp_path) as found:
        assert [device.name for device in found.values()] == ["p2"]
    with (
        pytest.raises(BoardsBusy, match=rf"p0 is held by .* pid {process.pid}, job 'other job'"),
        hold(lab, pandas(2), "job", directory=tmp_path),
    ):
        pass
    assert set(holders(tmp_path, ["p0", "p1", "p2"])) == {"p0", "p1"}  # nothing half taken


def test_kill_minus_9_frees_the_boards(tmp_path, lab, holder):
    """A lock ends with its process, so there is nothing to clean up."""
    process, _ = holder(3)
    process.send_signal(signal.SIGKILL)
    process.wait()
    with hold(lab, pandas(3), "job", directory=tmp_path) as found:
        assert len(found) == 3


def test_a_wait_ends_with_the_release(tmp_path, lab, holder):
    """Within --wait the job continues when the boards are free, not before."""
    process, _ = holder(2)
    told = []

    def reason(text):
        told.append(text)
        process.stdin.close()  # the other job ends

    started = time.monotonic()
    with hold(lab, pandas(3), "job", 60, directory=tmp_path, waiting=reason) as found:
        assert len(found) == 3
    assert time.monotonic() - started < 30
    assert "p0 is held by" in told[0]


def test_a_wait_ends_with_its_time(tmp_path, lab, holder):
    """The error then names the holders."""
    holder(3)
    with (
        pytest.raises(BoardsBusy, match="other job"),
        hold(lab, pandas(1), "job", 0.1, directory=tmp_path),
    ):
        pass


def test_missing_boards_are_not_waited_for(tmp_path, lab):
    """Missing boards are an error at once."""
    started = time.monotonic()
    with pytest.raises(BoardsMissing), hold(lab, pandas(4), "job", 3600, directory=tmp_path):
        pass
    assert time.monotonic() - started < 60


def test_a_board_that_changes_hands_is_waited_for_again(tmp_path, lab, monkeypatch):
    """A job that loses the race for a released board continues to wait."""
    first, second = LockFile(tmp_path, "p0"), LockFile(tmp_path, "p0")
    others = [LockFile(tmp_path, name) for name in ("p1", "p2")]
    assert all(lock.acquire("x") for lock in (first, *others))
    to_release = [first, second]
    look = locks.holders
    looks = []

    def holders_after_the_race(*arguments):
        looks.append(arguments)
        if len(looks) == 2:
            assert second.acquire("faster")
        return look(*arguments)

    monkeypatch.setattr(locks, "holders", holders_after_the_race)

    def reason(_):
        threading.Timer(0.02, to_release.pop(0).release).start()

    with hold(lab, pandas(1), "job", 30, directory=tmp_path, waiting=reason) as found:
        assert [device.name for device in found.values()] == ["p0"]
    assert len(looks) == 3
    for lock in others:
        lock.release()


def test_many_at_once_share_without_deadlock(tmp_path):
    """Ten jobs share three boards: each runs, and no board is assigned twice."""
    from lava_dispatcher_multinode.lab.device_model import Device

    lab = Lab(tuple(Device(f"p{i}", "panda") for i in range(3)))
    in_use, guard = set(), threading.Lock()

    def one(number):
        with hold(lab, pandas(2), f"job {number}", 60, directory=tmp_path) as found:
            names = {device.name for device in found.values()}
            with guard:
                assert not names & in_use
                in_use.update(names)
            with guard:
                in_use.difference_update(names)
        return len(names)

    with ThreadPoolExecutor(10) as pool:
        assert list(pool.map(one, range(10))) == [2] * 10


@pytest.mark.slow
def test_many_processes_at_once(tmp_path, holder):
    """Real commands that start together run one after the other."""
    first, names = holder(3)
    assert len(names) == 3
    with ThreadPoolExecutor(3) as pool:
        started = [pool.submit(holder, 1) for _ in range(3)]
        first.stdin.close()
        taken = [future.result(60)[1] for future in started]
    assert sorted(taken) == [["p0"], ["p1"], ["p2"]]


def test_a_lock_that_is_lost_after_planning_means_planning_again(tmp_path, lab, monkeypatch):
    """Another program's lock does not leave half of the boards held."""
    intruder = LockFile(tmp_path, "p1")
    plan = locks.assign

    def planned(*arguments):
        found = plan(*arguments)
        intruder.acquire("intruder")
        return found

    monkeypatch.setattr(locks, "assign", planned)
    with hold(lab, pandas(2), "job", directory=tmp_path) as found:
        assert [device.name for device in found.values()] == ["p0", "p2"]
    intruder.release()


def test_planning_of_others_is_waited_for_in_bounds(tmp_path, lab, monkeypatch):
    """A process that hangs during its allocation ends in an error, not in an endless wait."""
    from filelock import FileLock

    monkeypatch.setattr(locks, "PLANNING_TIMEOUT_S", 0.1)
    with (
        FileLock(tmp_path / ".planning"),
        pytest.raises(BoardsUnavailable, match="allocating boards"),
        hold(lab, pandas(1), "job", directory=tmp_path),
    ):
        pass


def test_boards_that_are_programs_started_by_us_do_not_inherit_locks(tmp_path, lab):
    """A process that outlives the job must not keep its boards."""
    with hold(lab, pandas(1), "job", directory=tmp_path):
        child = subprocess.Popen(["sleep", "60"])
    try:
        assert holders(tmp_path, ["p0"]) == {}
    finally:
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
