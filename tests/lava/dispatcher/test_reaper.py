"""When a command ends, none of the processes that it has started is left."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lava_dispatcher_multinode.lava.dispatcher import reaper

ESCAPES = "setsid -f sh -c 'echo $$ > pid; exec sleep 300'; while [ ! -s pid ]; do :; done; "


@pytest.fixture
def kept(tmp_path):
    """A function that starts a shell script under reaper.py, with power-off commands."""
    processes = []

    def start(script, *off, log="log"):
        (tmp_path / "off.json").write_text(json.dumps(off))
        words = [sys.executable, reaper.__file__, tmp_path / "off.json", "sh", "-c", script]
        with (tmp_path / "log").open("wb") as file:
            to = subprocess.PIPE if log is None else file
            processes.append(subprocess.Popen(words, cwd=tmp_path, stderr=to))
        return processes[-1]

    yield start
    for process in processes:
        if process.poll() is None:
            process.kill()
        process.wait()


def appears(path, seconds=30):
    """Wait until a file has content; return it as a number."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if path.exists() and (text := path.read_text().strip()):
            return int(text)
        time.sleep(0.02)
    raise AssertionError(f"no {path}")


def test_what_left_its_session_is_killed(kept, tmp_path):
    """As consoles that LAVA starts; the exit code is the command's."""
    process = kept(ESCAPES + "exit 7")
    assert process.wait(30) == 7
    assert not Path(f"/proc/{appears(tmp_path / 'pid')}").exists()


def test_a_signal_is_passed_on_once_and_another_one_kills(kept, tmp_path):
    """LAVA gets time to switch its device off, but not without limit."""
    process = kept("trap 'echo 1 >> told' TERM; echo $$ > ready; while :; do sleep 0.05; done")
    command = appears(tmp_path / "ready")
    process.send_signal(signal.SIGTERM)
    appears(tmp_path / "told")
    assert process.poll() is None
    process.send_signal(signal.SIGTERM)  # the kernel may send it more than once
    process.send_signal(signal.SIGQUIT)
    assert process.wait(30) == 128 + signal.SIGKILL
    assert (tmp_path / "told").read_text() == "1\n"
    assert not Path(f"/proc/{command}").exists()


def test_a_killed_command_leaves_nothing(kept, tmp_path):
    """The exit code shows the signal."""
    process = kept(ESCAPES + "echo $$ > ready; sleep 300")
    os.kill(appears(tmp_path / "ready"), signal.SIGKILL)
    assert process.wait(30) == 128 + signal.SIGKILL
    assert not Path(f"/proc/{appears(tmp_path / 'pid')}").exists()


def test_the_board_of_a_killed_command_is_switched_off(kept, tmp_path):
    """Each of LAVA's commands, without a shell; a failure is logged, and the next one runs."""
    off = ["sh -c 'echo no PDU; exit 1'", "there/is none", "'", "touch 'off $x'"]
    process = kept("echo $$ > ready; sleep 300", *off)
    os.kill(appears(tmp_path / "ready"), signal.SIGKILL)
    assert process.wait(30) == 128 + signal.SIGKILL
    assert (tmp_path / "off $x").exists()
    said = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    assert [entry["lvl"] for entry in said] == ["warning", "error", "error", "error"]
    assert said[1]["msg"] == "NOT switched off: sh exited with 1: no PDU"


def test_it_is_switched_off_without_a_parent(kept, tmp_path):
    """The parent was killed, too, and no longer reads a log."""
    process = kept("echo $$ > ready; sleep 300", "sh -c 'echo off; touch off'", log=None)
    process.stderr.close()
    os.kill(appears(tmp_path / "ready"), signal.SIGKILL)
    assert process.wait(30) == 128 + signal.SIGKILL
    assert (tmp_path / "off").exists()


def test_a_power_switch_that_hangs(monkeypatch, capfd):
    """Its command has a timeout."""
    monkeypatch.setattr(reaper, "POWER_OFF_TIMEOUT_S", 0.1)
    reaper.power_off("sleep 60")
    assert "NOT switched off: sleep did not finish within 0.1 s" in capfd.readouterr().err


def test_a_command_that_ends_has_switched_its_board_off(kept, tmp_path):
    """LAVA switches it off, however its job has ended."""
    assert kept("exit 1", "touch off").wait(30) == 1
    assert not (tmp_path / "off").exists()


def test_a_signal_during_the_start_is_passed_on(tmp_path):
    """A Ctrl-C may come when the command runs but its process object is not yet assigned."""
    program = f"""
import os, signal, subprocess, sys
sys.path.insert(0, {str(Path(reaper.__file__).parent)!r})
import reaper
start = subprocess.Popen
def begin(words):
    process = start(words)
    os.kill(os.getpid(), signal.SIGTERM)
    return process
subprocess.Popen = begin
sys.exit(reaper.main([], ["sleep", "60"]))
"""
    words = [sys.executable, "-c", program]
    assert subprocess.run(words, cwd=tmp_path, timeout=30).returncode == 128 + signal.SIGTERM
