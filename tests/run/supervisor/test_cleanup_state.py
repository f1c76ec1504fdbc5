"""The cleanup state, at both ends of the supervisor's socket."""

from __future__ import annotations

import fcntl
import socket

import pytest

from lava_dispatcher_multinode.lab.device_model import Device
from lava_dispatcher_multinode.lab.device_sections import Power
from lava_dispatcher_multinode.run.supervisor.cleanup_state import CleanupState, send, wait_for_end


@pytest.fixture
def link():
    """Both ends."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        yield ours, theirs


def test_a_death_returns_the_last_state(link):
    """It names what is left to clean up."""
    ours, theirs = link
    send(ours, CleanupState("a"))
    send(ours, CleanupState("b"))
    ours.close()
    state = wait_for_end(theirs)
    assert state is not None
    assert state.run_id == "b"


def test_a_clean_end_leaves_nothing_to_do(link):
    """The dispatcher has cleaned up by itself."""
    ours, theirs = link
    send(ours, CleanupState("a"))
    send(ours, None)
    assert wait_for_end(theirs) is None


def test_hundreds_of_devices_fit(link):
    """A state may exceed the size limit of a socket message."""
    ours, theirs = link
    off = "curl -d " + "x" * 4000
    devices = [
        Device(f"b{n}", "panda", power=Power(on="true", off=f"{off}{n}")) for n in range(500)
    ]
    send(ours, CleanupState("a", devices=devices))
    ours.close()
    state = wait_for_end(theirs)
    assert state is not None
    assert list(state.devices) == devices


def test_locks_are_held_by_both(link, tmp_path):
    """The receiver keeps the descriptors of the locks open."""
    ours, theirs = link
    path = tmp_path / "lock"
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        send(ours, CleanupState("a"), lock.fileno())
    ours.close()
    assert wait_for_end(theirs) is not None
    with path.open() as other, pytest.raises(BlockingIOError):
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
