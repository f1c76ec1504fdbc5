"""What the supervisor is told, at both ends of its socket."""

from __future__ import annotations

import fcntl
import socket

import pytest

from lava_dispatcher_multinode.lab.device_model import Device, Power
from lava_dispatcher_multinode.run.supervisor.cleanup_state import (
    Estate,
    send,
    wait_for_end,
)


@pytest.fixture
def link():
    """Both ends."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        yield ours, theirs


def test_an_end_without_a_word_gives_what_was_told_last(link):
    """That is what there is to put in order."""
    ours, theirs = link
    send(ours, Estate(5, "m"))
    send(ours, Estate(7, "m"))
    ours.close()
    estate = wait_for_end(theirs)
    assert estate is not None
    assert estate.pid == 7


def test_the_last_word_leaves_nothing_to_do(link):
    """A dispatcher that has ended as it should has put everything in order."""
    ours, theirs = link
    send(ours, Estate(5, "m"))
    send(ours, None)
    assert wait_for_end(theirs) is None


def test_hundreds_of_boards_are_told_of(link):
    """However long their device files are: a message of the socket would have a limit."""
    ours, theirs = link
    off = "curl -d " + "x" * 4000
    devices = [
        Device(f"b{n}", "panda", power=Power(on="true", off=f"{off}{n}")) for n in range(500)
    ]
    send(ours, Estate(5, "m", devices=devices))
    ours.close()
    estate = wait_for_end(theirs)
    assert estate is not None
    assert list(estate.devices) == devices


def test_locks_are_held_by_both(link, tmp_path):
    """The one who is told keeps what came along."""
    ours, theirs = link
    path = tmp_path / "lock"
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        send(ours, Estate(5, "m"), lock.fileno())
    ours.close()
    assert wait_for_end(theirs) is not None
    with path.open() as other, pytest.raises(BlockingIOError):
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
