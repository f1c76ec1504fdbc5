"""Lock files: the flock decides, what is written is for people."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import resource
import shutil
import stat
import subprocess
import tempfile
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lava_dispatcher_multinode.errors import BoardsUnavailable
from lava_dispatcher_multinode.lab import lockfiles
from lava_dispatcher_multinode.lab.lockfiles import Holder, LockFile, holders, lock_directory

from ..needs import NOBODY, python_of_others


def test_a_taken_lock_is_seen_with_its_holder(tmp_path):
    """Others can say who has a board, since when and for what."""
    lock = LockFile(tmp_path, "p1")
    assert lock.acquire("my job")
    holder = LockFile(tmp_path, "p1").holder()
    assert (holder.pid, holder.job) == (os.getpid(), "my job")
    for part in (holder.user, holder.host, holder.since[:10], "'my job'", f"pid {os.getpid()}"):
        assert part
        assert part in str(holder)
    held = Holder("ann", "bench", 7, "x", "2026-11-28T13:44:56+00:00")
    assert str(held) == "ann@bench pid 7, job 'x', since 2026-11-28 13:44 UTC"
    lock.release()
    assert LockFile(tmp_path, "p1").holder() is None


def test_a_taken_lock_is_not_taken_again(tmp_path):
    """One board, one holder; and who was refused changes nothing."""
    first, second = LockFile(tmp_path, "p1"), LockFile(tmp_path, "p1")
    assert first.acquire("first")
    assert not second.acquire("second")
    assert second.holder().job == "first"
    first.release()
    assert second.acquire("second")
    second.release()


def test_giving_back_what_is_not_held_changes_nothing(tmp_path):
    """Before it was taken and twice: the descriptor may be another file's by then."""
    lock = LockFile(tmp_path, "p1")
    assert lock.descriptor == -1
    lock.release()
    assert lock.acquire("x")
    number = lock.descriptor
    lock.release()
    assert lock.descriptor == -1
    with (tmp_path / "other").open("w") as other:
        assert other.fileno() == number
        other.write("kept")
        other.flush()
        lock.release()
        assert os.fstat(number).st_size == 4


def test_a_lock_that_is_refused_leaves_no_open_file(tmp_path):
    """A command that waits for a board tries again and again."""
    first = LockFile(tmp_path, "p1")
    assert first.acquire("first")
    before = os.listdir("/proc/self/fd")
    for _ in range(3):
        assert not LockFile(tmp_path, "p1").acquire("second")
        assert first.holder() is not None
    assert os.listdir("/proc/self/fd") == before
    first.release()


def test_what_a_killed_holder_left_is_not_believed(tmp_path):
    """Only the flock counts, whatever the file says."""
    said = {"user": "ann", "host": "h", "pid": 1, "job": "j", "since": "s"}
    (tmp_path / "p1.lock").write_text(json.dumps(said) + 4000 * " " + "x")
    assert holders(tmp_path, ["p1"]) == {}
    lock = LockFile(tmp_path, "p1")
    assert lock.acquire("mine")
    assert holders(tmp_path, ["p1"])["p1"].job == "mine"
    lock.release()


def test_looking_at_a_lock_is_not_having_it(tmp_path):
    """A shared lock is an onlooker's: neither another look nor taking it fails for long."""
    (tmp_path / "p2.lock").touch()
    descriptor = os.open(tmp_path / "p2.lock", os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_SH)
    lock = LockFile(tmp_path, "p2")
    assert lock.holder() is None
    timer = threading.Timer(0.05, os.close, [descriptor])
    timer.start()
    assert lock.acquire("x")
    timer.join()
    lock.release()


def test_an_onlooker_that_never_ends_costs_a_bounded_time(tmp_path, monkeypatch):
    """A stopped process must not stop all commands of the host."""
    monkeypatch.setattr(lockfiles, "_INSPECTION_TIMEOUT_S", 0.02)
    (tmp_path / "p1.lock").touch()
    with (tmp_path / "p1.lock").open() as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        assert not LockFile(tmp_path, "p1").acquire("x")


def test_a_full_disk_keeps_nobody_from_a_board(tmp_path):
    """What a lock says about its holder is for people; the lock itself takes no room."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    lock = LockFile(tmp_path, "panda01")
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))  # every write to a file fails
    try:
        assert lock.acquire("job")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert str(LockFile(tmp_path, "panda01").holder()) == "unknown user"
    lock.release()


def test_files_can_be_locked_by_other_users(tmp_path):
    """Whatever the umask of whoever came first."""
    umask = os.umask(0o077)
    try:
        lock = LockFile(tmp_path, "p1")
        assert lock.acquire("x")
        lock.release()
    finally:
        os.umask(umask)
    assert stat.S_IMODE((tmp_path / "p1.lock").stat().st_mode) == 0o666


def test_a_link_is_not_followed(tmp_path):
    """In a directory that everybody can write to, a link could lead anywhere."""
    (tmp_path / "victim").write_text("precious")
    (tmp_path / "p1.lock").symlink_to(tmp_path / "victim")
    with pytest.raises(BoardsUnavailable, match=r"p1\.lock"):
        LockFile(tmp_path, "p1").acquire("x")
    assert (tmp_path / "victim").read_text() == "precious"
    with pytest.raises(BoardsUnavailable, match=r"p1\.lock"):
        LockFile(tmp_path, "p1").holder()


def test_what_a_lock_says_is_short(tmp_path):
    """A job's name may be of any length, and others may write anything."""
    lock = LockFile(tmp_path, "p1")
    assert lock.acquire("j" * 300)
    assert lock.holder().job == "j" * 200
    said = {"user": "u" * 300, "host": "h", "pid": 7, "job": "\x1b[2Jj", "since": "s"}
    (tmp_path / "p1.lock").write_text(json.dumps(said))
    assert lock.holder() == Holder("u" * 200, "h", 7, "[2Jj", "s")
    lock.release()


@pytest.mark.needs("root")
def test_a_user_without_a_name_is_a_number(tmp_path):
    """In a container there may be no entry for it."""
    lock = LockFile(tmp_path, "p1")
    os.setreuid(424242, 0)
    try:
        assert lock.acquire("x")
    finally:
        os.setreuid(0, 0)
    assert lock.holder().user == "uid 424242"
    lock.release()


@given(
    said=st.binary(max_size=200)
    | st.recursive(
        st.none() | st.integers() | st.text(max_size=5),
        lambda inner: st.dictionaries(
            st.sampled_from(["user", "host", "job", "since", "pid"]), inner, max_size=5
        ),
    ).map(lambda value: json.dumps(value).encode())
)
def test_any_content_gives_a_holder_that_can_be_printed(tmp_path_factory, said):
    """Other users write these files: no content may break or forge the output."""
    path = tmp_path_factory.getbasetemp() / "hostile.lock"
    path.write_bytes(said)
    with path.open("rb") as file:
        holder = lockfiles._read_holder(file.fileno())
    assert isinstance(holder, Holder)
    assert str(holder).isprintable()


def test_wait_returns_when_the_lock_is_released(tmp_path):
    """Waiting is blocking, not looking again and again."""
    lock = LockFile(tmp_path, "p1")
    assert lock.acquire("x")
    done = threading.Event()
    waiter = threading.Thread(
        target=lambda: (LockFile(tmp_path, "p1").wait_until_free(), done.set())
    )
    waiter.start()
    assert not done.wait(0.05)
    lock.release()
    assert done.wait(10)
    waiter.join()


def test_the_directory_can_be_named(tmp_path, monkeypatch):
    """Where the defaults do not fit, all who share boards agree on another."""
    monkeypatch.setenv(lockfiles.LOCK_DIR_VARIABLE, str(tmp_path / "mine"))
    assert lock_directory() == tmp_path / "mine"
    assert stat.S_IMODE((tmp_path / "mine").stat().st_mode) == 0o1777


def test_the_first_usable_directory_is_taken(tmp_path, monkeypatch):
    """A link or a file in place of the directory is not used: somebody else made it."""
    monkeypatch.delenv(lockfiles.LOCK_DIR_VARIABLE, raising=False)
    (tmp_path / "link").symlink_to(tmp_path)
    (tmp_path / "file").touch()
    names = ("link", "file", "no/parent", "good", "better")
    monkeypatch.setattr(lockfiles, "DIRECTORIES", tuple(tmp_path / name for name in names))
    assert lock_directory() == tmp_path / "good"


def test_a_directory_that_cannot_be_written_is_passed_over(monkeypatch):
    """It may be the administrator's: the next one is taken."""
    monkeypatch.delenv(lockfiles.LOCK_DIR_VARIABLE, raising=False)
    with tempfile.TemporaryDirectory() as name:  # tmp_path is for its user alone
        os.chmod(name, 0o755)
        closed, good = Path(name, "closed"), Path(name, "good")
        closed.mkdir(mode=0o555)
        monkeypatch.setattr(lockfiles, "DIRECTORIES", (closed, good))
        as_root = os.getuid() == 0
        if as_root:  # root may write everywhere; access(2) asks for the real user
            os.setreuid(65534, 0)
        try:
            assert lock_directory() == good
        finally:
            if as_root:
                os.setreuid(0, 0)


def test_no_directory_says_what_to_do(tmp_path, monkeypatch):
    """Exit 4 with a way out, not a traceback."""
    monkeypatch.setenv(lockfiles.LOCK_DIR_VARIABLE, str(tmp_path / "no/parent"))
    with pytest.raises(BoardsUnavailable, match=lockfiles.LOCK_DIR_VARIABLE):
        lock_directory()


def test_a_file_system_without_flock_is_told(tmp_path, monkeypatch):
    """Some network file systems have none; another directory helps."""

    def refuse(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(lockfiles.fcntl, "flock", refuse)
    with pytest.raises(BoardsUnavailable, match=r"no flock.*LAVA_LOCK_DIR"):
        LockFile(tmp_path, "p1").acquire("x")


OTHER_USER = """
import sys
from pathlib import Path
from lava_dispatcher_multinode.lab.lockfiles import LockFile
lock = LockFile(Path(sys.argv[1]), "p1")
print(lock.holder().job, lock.acquire("mine"), flush=True)
lock.wait_until_free()
print(lock.acquire("mine"), flush=True)
"""


def start_as_nobody(directory, *arguments):
    """Start a Python that another user can run; the modules at hand need its library only.

    They are copied to `directory`: nobody else may read root's home.
    """
    package = Path(lockfiles.__file__).parents[1]
    shutil.copytree(package, directory / package.name, ignore=shutil.ignore_patterns("*.pyc"))
    return subprocess.Popen(
        [python_of_others(), "-B", *arguments],
        user=NOBODY, group=NOBODY, extra_groups=[], env={"PYTHONPATH": str(directory)},
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip


@pytest.mark.needs("another user")
def test_two_users_share_the_locks(monkeypatch):
    """Another user, in a directory like /tmp, sees root's lock and can take it afterwards."""
    with tempfile.TemporaryDirectory() as name:  # tmp_path is for its user alone
        os.chmod(name, 0o755)
        shared = Path(name, "locks")
        monkeypatch.setenv(lockfiles.LOCK_DIR_VARIABLE, str(shared))
        assert lock_directory() == shared
        lock = LockFile(shared, "p1")
        assert lock.acquire("root's")
        with start_as_nobody(Path(name), "-c", OTHER_USER, str(shared)) as other:
            assert other.stdout.readline() == "root's False\n"
            lock.release()
            assert other.stdout.readline() == "True\n"
