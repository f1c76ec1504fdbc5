"""Waiting for file descriptors."""

from __future__ import annotations

import fcntl
import os
import resource

import pytest

from lava_dispatcher_multinode.polling import wait_readable

from .needs import require


@pytest.fixture
def pipe():
    """Return a pipe whose reading end has a descriptor above the limit of select(2)."""
    require("4096 files")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (4096, hard))
    low, write = os.pipe()
    read = fcntl.fcntl(low, fcntl.F_DUPFD_CLOEXEC, 2000)
    yield read, write
    for descriptor in (low, read, write):
        os.close(descriptor)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_any_number_will_do(pipe):
    """Descriptors above 1023 work: a run with hundreds of boards opens that many."""
    read, write = pipe
    os.write(write, b"x")
    assert wait_readable([read]) == {read}


def test_the_wait_ends(pipe):
    """Without input, the wait ends after its timeout."""
    assert wait_readable([pipe[0]], 0.01) == set()


def test_an_end_is_readable_too():
    """A hangup counts as readable."""
    read, write = os.pipe()
    os.close(write)
    assert wait_readable([read]) == {read}
    os.close(read)
