"""The manual switch, with a real terminal and without one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ASK = """
from lava_dispatcher_multinode.boards.power.manual_switch import ManualSwitch
ManualSwitch("panda01").{}()
"""


def _in_a_terminal(code):
    """Start Python with a terminal of its own; return the process and the other end."""
    master, slave = os.openpty()
    process = subprocess.Popen(
        [
            sys.executable,
            "-c",
            f"import fcntl, termios; fcntl.ioctl(0, termios.TIOCSCTTY)\n{code}",
        ],
        stdin=slave,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    os.close(slave)
    return process, master


def _read_until(master, text):
    said = b""
    while text not in said:
        said += os.read(master, 1024)
    return said


def test_a_person_confirms_a_request():
    """The request names the board and the task; Enter confirms it."""
    for call, what in (("off", b"panda01 off"), ("cycle", b"off and on again"), ("on", b"1 on")):
        process, master = _in_a_terminal(ASK.format(call))
        said = _read_until(master, b"press Enter")
        assert what in said
        os.write(master, b"\n")
        assert process.wait(20) == 0, process.stderr.read()
        process.stderr.close()
        os.close(master)


def test_without_a_terminal_it_is_refused():
    """The error comes at once, with an alternative."""
    done = subprocess.run(
        [sys.executable, "-c", ASK.format("off")],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        start_new_session=True,
        cwd=Path(__file__).parent,
    )
    assert b"PowerError: panda01: power.manual needs a person at a terminal" in done.stderr


def test_a_hang_up_is_no_answer():
    """A hangup of the terminal is no confirmation."""
    process, master = _in_a_terminal(
        f"import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)\n{ASK.format('off')}"
    )
    _read_until(master, b"press Enter")
    os.close(master)
    assert process.wait(20) == 1
    error = process.stderr.read()
    process.stderr.close()
    assert b"no confirmation of" in error
