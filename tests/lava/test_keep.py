"""Whatever a command starts, nothing of it is left when it has ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lava_dispatcher_multinode.lava import keep

ESCAPES = "setsid -f sh -c 'echo $$ > pid; exec sleep 300'; while [ ! -s pid ]; do :; done; "


@pytest.fixture
def kept(tmp_path):
    """A function that starts a shell script under keep.py."""
    processes = []

    def start(script):
        words = [sys.executable, keep.__file__, "sh", "-c", script]
        processes.append(subprocess.Popen(words, cwd=tmp_path))
        return processes[-1]

    yield start
    for process in processes:
        if process.poll() is None:
            process.kill()
        process.wait()


def appears(path, seconds=30):
    """Wait until a file has something in it; return that as a number."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if path.exists() and (text := path.read_text().strip()):
            return int(text)
        time.sleep(0.02)
    raise AssertionError(f"no {path}")


def test_what_left_its_session_is_killed(kept, tmp_path):
    """As consoles do that LAVA starts; the exit code is the command's."""
    process = kept(ESCAPES + "exit 7")
    assert process.wait(30) == 7
    assert not Path(f"/proc/{appears(tmp_path / 'pid')}").exists()


def test_a_signal_is_passed_on_once_and_another_one_kills(kept, tmp_path):
    """LAVA gets the time to switch its board off, but not for ever."""
    process = kept("trap 'echo 1 >> told' TERM; echo $$ > ready; while :; do sleep 0.05; done")
    command = appears(tmp_path / "ready")
    process.send_signal(signal.SIGTERM)
    appears(tmp_path / "told")
    assert process.poll() is None
    process.send_signal(signal.SIGTERM)  # of the kernel's, it comes more than once
    process.send_signal(signal.SIGQUIT)
    assert process.wait(30) == 128 + signal.SIGKILL
    assert (tmp_path / "told").read_text() == "1\n"
    assert not Path(f"/proc/{command}").exists()


def test_a_killed_command_leaves_nothing(kept, tmp_path):
    """And is told as the signal that it was."""
    process = kept(ESCAPES + "echo $$ > ready; sleep 300")
    os.kill(appears(tmp_path / "ready"), signal.SIGKILL)
    assert process.wait(30) == 128 + signal.SIGKILL
    assert not Path(f"/proc/{appears(tmp_path / 'pid')}").exists()
