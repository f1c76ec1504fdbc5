"""Lock files: the flock decides; the content is information for people."""

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


def test_a_held_lock_has_a_holder(tmp_path):
    """Other processes see the holder, the time and the job."""
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


def test_a_held_lock_is_not_acquired_again(tmp_path):
    """A board has one holder; a refused attempt changes nothing."""
    first, second = LockFile(tmp_path, "p1"), LockFile(tmp_path, "p1")
    assert first.acquire("first")
    assert not second.acquire("second")
    assert second.holder().job == "first"
    first.release()
    assert second.acquire("second")
    second.release()


def test_a_release_without_a_lock_changes_nothing(tmp_path):
    """A release without a lock does not close another file's descriptor."""
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
    """Repeated attempts do not leak descriptors."""
    first = LockFile(tmp_path, "p1")
    assert first.acquire("first")
    before = os.listdir("/proc/self/fd")
    for _ in range(3):
        assert not LockFile(tmp_path, "p1").acquire("second")
        assert first.holder() is not None
    assert os.listdir("/proc/self/fd") == before
    first.release()


def test_the_content_of_a_killed_holder_does_not_count(tmp_path):
    """Only the flock counts, not the content of the file."""
    said = {"user": "ann", "host": "h", "pid": 1, "job": "j", "since": "s"}
    (tmp_path / "p1.lock").write_text(json.dumps(said) + 4000 * " " + "x")
    assert holders(tmp_path, ["p1"]) == {}
    lock = LockFile(tmp_path, "p1")
    assert lock.acquire("mine")
    assert holders(tmp_path, ["p1"])["p1"].job == "mine"
    lock.release()


def test_an_inspection_is_not_a_hold(tmp_path):
    """A shared lock is an inspection; it delays others only briefly."""
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


def test_an_inspection_without_end_delays_for_a_bounded_time(tmp_path, monkeypatch):
    """A stopped process must not block all commands of the host."""
    monkeypatch.setattr(lockfiles, "_INSPECTION_TIMEOUT_S", 0.02)
    (tmp_path / "p1.lock").touch()
    with (tmp_path / "p1.lock").open() as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        assert not LockFile(tmp_path, "p1").acquire("x")


def test_a_full_disk_does_not_prevent_a_lock(tmp_path):
    """The content of the file is optional; the lock needs no disk space."""
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
    """The umask of the first user does not matter."""
    umask = os.umask(0o077)
    try:
        lock = LockFile(tmp_path, "p1")
        assert lock.acquire("x")
        lock.release()
    finally:
        os.umask(umask)
    assert stat.S_IMODE((tmp_path / "p1.lock").stat().st_mode) == 0o666


def test_a_link_is_not_followed(tmp_path):
    """In a directory that all users can write to, a link could lead anywhere."""
    (tmp_path / "victim").write_text("precious")
    (tmp_path / "p1.lock").symlink_to(tmp_path / "victim")
    with pytest.raises(BoardsUnavailable, match=r"p1\.lock"):
        LockFile(tmp_path, "p1").acquire("x")
    assert (tmp_path / "victim").read_text() == "precious"
    with pytest.raises(BoardsUnavailable, match=r"p1\.lock"):
        LockFile(tmp_path, "p1").holder()


def test_the_content_of_a_lock_is_short(tmp_path):
    """Long names of jobs and arbitrary content are cut."""
    lock = LockFile(tmp_path, "p1")
    assert lock.acquire("j" * 300)
    assert lock.holder().job == "j" * 200
    said = {"user": "u" * 300, "host": "h", "pid": 7, "job": "\x1b[2Jj", "since": "s"}
    (tmp_path / "p1.lock").write_text(json.dumps(said))
    assert lock.holder() == Holder("u" * 200, "h", 7, "[2Jj", "s")
    lock.release()


@pytest.mark.needs("root")
def test_a_user_without_a_name_is_a_number(tmp_path):
    """A container may lack an entry for the user."""
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
    """Other users write these files, so no content may break or forge the output."""
    path = tmp_path_factory.getbasetemp() / "hostile.lock"
    path.write_bytes(said)
    with path.open("rb") as file:
        holder = lockfiles._read_holder(file.fileno())
    assert isinstance(holder, Holder)
    assert str(holder).isprintable()


def test_wait_returns_when_the_lock_is_released(tmp_path):
    """The wait blocks; it does not poll."""
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
    """The variable replaces the default directories."""
    monkeypatch.setenv(lockfiles.LOCK_DIR_VARIABLE, str(tmp_path / "mine"))
    assert lock_directory() == tmp_path / "mine"
    assert stat.S_IMODE((tmp_path / "mine").stat().st_mode) == 0o1777


def test_the_first_usable_directory_is_taken(tmp_path, monkeypatch):
    """A link or a file in place of the directory is not used: another user may have made it."""
    monkeypatch.delenv(lockfiles.LOCK_DIR_VARIABLE, raising=False)
    (tmp_path / "link").symlink_to(tmp_path)
    (tmp_path / "file").touch()
    names = ("link", "file", "no/parent", "good", "better")
    monkeypatch.setattr(lockfiles, "DIRECTORIES", tuple(tmp_path / name for name in names))
    assert lock_directory() == tmp_path / "good"


def test_a_directory_that_cannot_be_written_is_passed_over(monkeypatch):
    """A directory of the administrator is skipped."""
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


def test_a_missing_directory_has_a_hint(tmp_path, monkeypatch):
    """The error has exit code 4 and a remedy."""
    monkeypatch.setenv(lockfiles.LOCK_DIR_VARIABLE, str(tmp_path / "no/parent"))
    with pytest.raises(BoardsUnavailable, match=lockfiles.LOCK_DIR_VARIABLE):
        lock_directory()


def test_a_file_system_without_flock_is_an_error(tmp_path, monkeypatch):
    """Some network file systems lack flock; the error suggests another directory."""

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


def start_as_another_user(directory, *arguments):
    """Start a Python that another user can run; these modules need only its library.

    They are copied to `directory`: other users cannot read root's home.
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
    """In a directory like /tmp, another user sees a lock of root and acquires it after that."""
    with tempfile.TemporaryDirectory() as name:  # tmp_path is for its user alone
        os.chmod(name, 0o755)
        shared = Path(name, "locks")
        monkeypatch.setenv(lockfiles.LOCK_DIR_VARIABLE, str(shared))
        assert lock_directory() == shared
        lock = LockFile(shared, "p1")
        assert lock.acquire("root's")
        with start_as_another_user(Path(name), "-c", OTHER_USER, str(shared)) as other:
            assert other.stdout.readline() == "root's False\n"
            lock.release()
            assert other.stdout.readline() == "True\n"
