"""System calls and their errors."""

import errno
import os
import signal

import pytest

from lava_dispatcher_multinode.simulator.confinement import syscalls


def test_error_names_the_call(tmp_path):
    """A failed call raises OSError with errno, call and subject."""
    with pytest.raises(OSError, match=r"mount: .*") as refused:
        syscalls.mount("nothing", str(tmp_path), "no-such-file-system")
    assert refused.value.errno in {errno.ENODEV, errno.EPERM}
    assert "no-such-file-system on" in str(refused.value)


def test_setns_needs_a_namespace():
    """A descriptor of another kind is an error."""
    with open(os.devnull) as file, pytest.raises(OSError, match="setns"):
        syscalls.setns(file.fileno(), syscalls.CLONE_NEWNET)


def in_child(work):
    """Run `work` in a fork; return its exit code, 99 for an exception."""
    child = os.fork()
    if child == 0:
        code = 99
        try:
            code = work()
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_name():
    """A process can set the name that ps shows."""

    def work():
        syscalls.set_name("a board with a long name")
        with open("/proc/self/comm", encoding="ascii") as file:
            return 0 if file.read() == "a board with a \n" else 1

    assert in_child(work) == 0


def test_orphans_are_adopted():
    """A process adopts the children of its ended children."""

    def work():
        syscalls.adopt_orphans()
        read, write = os.pipe()
        if os.fork() == 0:
            os.close(read)
            if os.fork() == 0:
                signal.pause()
            os._exit(0)
        os.close(write)
        os.wait()
        return 0 if len(children()) == 1 and not os.kill(children()[0], signal.SIGKILL) else 1

    assert in_child(work) == 0


def children():
    """Return the children of this process."""
    with open(f"/proc/self/task/{os.getpid()}/children", encoding="ascii") as file:
        return [int(word) for word in file.read().split()]


def test_death_with_the_parent():
    """A process gets the requested signal when its parent ends."""
    read, write = os.pipe()

    def parent():
        ready, set_up = os.pipe()
        if os.fork() == 0:
            syscalls.die_with_parent(signal.SIGKILL)
            os.write(set_up, b"x")
            signal.pause()
        os.read(ready, 1)
        return 0

    assert in_child(parent) == 0
    os.close(write)
    assert os.read(read, 1) == b""  # the killed grandchild had the other end
    os.close(read)
