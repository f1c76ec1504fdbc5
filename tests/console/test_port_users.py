"""The users of a serial device, by every kind of lock."""

from __future__ import annotations

import fcntl
import os
import struct
import subprocess

import pytest

from lava_dispatcher_multinode.console import port_users
from lava_dispatcher_multinode.console.port_users import (
    InUse,
    check_unused,
    lock_terminal,
    unlock_terminal,
)

from ..needs import require

GET_EXCLUSIVE = 0x80045440  # TIOCGEXCL


@pytest.fixture
def terminal(pty):
    """The end of a pty that is opened by its path."""
    descriptor = os.open(pty[1], os.O_RDWR | os.O_NOCTTY)
    yield descriptor
    unlock_terminal(descriptor)
    os.close(descriptor)


@pytest.fixture(autouse=True)
def lock_directory(tmp_path, monkeypatch):
    """Lock files of the test's own."""
    monkeypatch.setattr(port_users, "LOCK_DIRECTORIES", (tmp_path,))
    return tmp_path


def test_a_program_that_has_it_open_is_named(pty, tmp_path):
    """A terminal program that keeps no lock at all, such as cat, is found."""
    with open(pty[1], "rb") as line, subprocess.Popen(["sleep", "1000"], stdin=line) as other:
        try:
            link = tmp_path / "by-id"
            link.symlink_to(pty[1])
            with pytest.raises(InUse, match=rf"sleep \({other.pid}\) has it open"):
                check_unused(str(link))
        finally:
            other.kill()
    check_unused(pty[1])


def test_a_pty_s_maker_is_no_rival(tmp_path):
    """socat keeps the end that it made open, also in the program that it starts."""
    require("socat")
    link = tmp_path / "tty"
    words = ["socat", "-d", "-d", f"PTY,link={link},rawer", "EXEC:sleep 1000"]
    with subprocess.Popen(words, stderr=subprocess.PIPE) as maker:
        try:
            while b"starting data transfer" not in maker.stderr.readline():
                pass
            check_unused(str(link))
            with (
                open(link, "rb") as line,
                subprocess.Popen(["sleep", "1000"], stdin=line) as other,
            ):
                try:
                    with pytest.raises(InUse, match=rf"^\[Errno 16\] sleep \({other.pid}\) has"):
                        check_unused(str(link))
                finally:
                    other.kill()
        finally:
            maker.terminate()


@pytest.mark.parametrize(
    "write", [lambda pid: b"%10d\n" % pid, lambda pid: struct.pack("<i", pid)]
)
def test_lock_files_of_terminal_programs_count(pty, lock_directory, write):
    """minicom, cu and ser2net leave their process's number, as text or as it is."""
    lock = lock_directory / f"LCK..{os.path.basename(pty[1])}"
    with subprocess.Popen(["sleep", "1000"]) as other:
        lock.write_bytes(write(other.pid))
        try:
            with pytest.raises(InUse, match=rf"\({other.pid}\) has it open"):
                check_unused(pty[1])
        finally:
            other.kill()
    check_unused(pty[1])  # the lock of an ended process does not count


def test_broken_lock_files_are_no_locks(pty, lock_directory):
    """Whatever else lies there does not keep a board from its test."""
    for text in (b"", b"abc\n", b"-1", b"1" * 60):
        (lock_directory / f"LCK..{os.path.basename(pty[1])}").write_bytes(text)
        check_unused(pty[1])


def test_the_kernel_keeps_others_out(terminal):
    """A locked terminal cannot be opened until it is unlocked."""
    lock_terminal(terminal)
    assert struct.unpack("i", fcntl.ioctl(terminal, GET_EXCLUSIVE, b"\0" * 4)) == (1,)
    unlock_terminal(terminal)
    assert struct.unpack("i", fcntl.ioctl(terminal, GET_EXCLUSIVE, b"\0" * 4)) == (0,)
