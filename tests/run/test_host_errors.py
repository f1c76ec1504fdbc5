"""Lack of host resources is reported as such."""

from __future__ import annotations

import errno
import os
import resource

import pytest

from lava_dispatcher_multinode.errors import ExitCode
from lava_dispatcher_multinode.run import host_errors


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(errno.EMFILE, "Too many open files", "x"), "x: Too many open files: raise"),
        (OSError(errno.ENOSPC, "No space left on device"), "free space"),
        (MemoryError(), "out of memory"),
        (RuntimeError("can't start new thread"), "ulimit -u"),
    ],
)
def test_each_shortage_says_what_helps(error, words):
    """The message has a hint, and the exit code is 3, not 70."""
    found = host_errors.host_failure(error)
    assert found is not None
    assert words in str(found)
    assert found.exit_code is ExitCode.INFRASTRUCTURE


@pytest.mark.parametrize(
    "error", [ValueError("x"), OSError(errno.EBADF, "Bad file descriptor"), RuntimeError("x")]
)
def test_a_bug_stays_a_bug(error):
    """Other exceptions remain bugs."""
    assert host_errors.host_failure(error) is None


def test_the_limit_of_files_is_raised_as_far_as_it_goes():
    """The limit of open files is raised: 200 boards need more than 1024."""
    child = os.fork()
    if not child:
        code = 2  # an exception: the copy of pytest must not go on
        try:
            hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
            resource.setrlimit(resource.RLIMIT_NOFILE, (64, hard))
            host_errors.raise_file_limit()
            soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
            code = 0 if soft == min(hard, host_errors.MAX_OPEN_FILES) else 1
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
