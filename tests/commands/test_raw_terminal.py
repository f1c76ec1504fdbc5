"""The terminal in raw mode; the tests use other processes with a pty."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import termios

import pytest

from lava_dispatcher_multinode.commands.raw_terminal import LEAVE_KEY, write_all

USE = """
import sys
from lava_dispatcher_multinode.commands.raw_terminal import raw_terminal
with raw_terminal():
    {body}
"""
READ = "import os; os.write(1, b'key ' + os.read(0, 1).hex().encode())"


@pytest.fixture
def terminal():
    """A terminal: its far end, its near end, and how that is set."""
    far, near = pty.openpty()
    yield far, near, termios.tcgetattr(near)
    os.close(far)
    os.close(near)


def _run(body, stdin):
    return subprocess.run(
        [sys.executable, "-c", USE.format(body=body)],
        stdin=stdin,
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize("key", [b"\x03", b"\x1a", b"\x1d", b"\r", b"x"])
def test_each_key_goes_to_the_board(terminal, key):
    """Ctrl-C and Ctrl-Z arrive at once and unchanged; afterwards the mode is restored."""
    far, near, before = terminal
    body = f"os = __import__('os'); os.write({far}, {key!r}); {READ}"
    done = subprocess.run(
        [sys.executable, "-c", USE.format(body=body)],
        stdin=near,
        capture_output=True,
        pass_fds=(far,),
        text=True,
        timeout=60,
    )
    assert done.stdout == f"key {key.hex()}", done.stderr
    assert termios.tcgetattr(near) == before


def test_a_failure_restores_the_terminal(terminal):
    """In raw mode, the user's shell would not echo."""
    _, near, before = terminal
    done = _run("raise SystemExit(7)", near)
    assert done.returncode == 7
    assert termios.tcgetattr(near) == before


def test_without_a_terminal():
    """A pipe may be the input, in a script; no mode is set and no line printed."""
    done = _run("print('here')", subprocess.DEVNULL)
    assert (done.returncode, done.stdout, done.stderr) == (0, "here\n", "")


def test_a_terminal_closed_in_between(terminal):
    """There is no mode to restore, and no traceback."""
    _, near, _ = terminal
    done = _run("import os; os.close(0)", near)
    assert (done.returncode, "Traceback" in done.stderr) == (0, False)


def test_all_is_written_to_a_full_pipe():
    """A nearly full pipe accepts a part; the rest follows."""
    code = "import sys; print(len(sys.stdin.buffer.read()))"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        write_all(b"x" * 1_000_000, process.stdin.fileno())
        assert process.communicate()[0] == b"1000000\n"


def test_a_short_write_is_continued(monkeypatch):
    """The rest of the data follows; empty data writes nothing."""
    written = []
    monkeypatch.setattr(os, "write", lambda _, data: written.append(bytes(data[:3])) or 3)
    write_all(b"123456789", 2)
    assert written == [b"123", b"456", b"789"]
    write_all(b"")
    assert len(written) == 3


def test_the_leave_key():
    """The documented key is Ctrl-], as in telnet."""
    assert LEAVE_KEY == b"\x1d"
