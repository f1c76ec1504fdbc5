"""Waiting for descriptors."""

from __future__ import annotations

import fcntl
import os
import resource

import pytest

from lava_dispatcher_multinode.polling import readable

from .needs import require


@pytest.fixture
def pipe():
    """A pipe whose reading end has a number that select(2) does not take."""
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
    """A run of several hundred boards has more than a thousand files open."""
    read, write = pipe
    os.write(write, b"x")
    assert readable([read]) == {read}


def test_the_wait_ends(pipe):
    """Nothing comes: the caller has something else to do, or a limit."""
    assert readable([pipe[0]], 0.01) == set()


def test_an_end_is_readable_too():
    """Who hangs up has to be noticed."""
    read, write = os.pipe()
    os.close(write)
    assert readable([read]) == {read}
    os.close(read)
