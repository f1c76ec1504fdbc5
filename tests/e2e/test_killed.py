"""kill -9 of lava-dispatch at random moments: its supervisor leaves a house in order."""

from __future__ import annotations

import fcntl
import json
import os
import random
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import jsonschema
import pytest

from lava_dispatcher_multinode.report import files

from ..needs import control_group, require
from .conftest import COMMAND, LIMIT

pytestmark = pytest.mark.slow

KILLS = 10  # in each of the tests below
LONGEST = 1.8  # seconds; a whole run takes 1.5
MEMORY = 64 << 20  # bytes; a dispatcher has more
DEVICE = """
device_type: panda
connection: {{simulated: true}}
power: {{on: "echo on >> {log}", off: "echo off >> {log}"}}
deploy: {{method: media}}
"""
SCHEMA = Path(files.__file__).with_name("results.schema.json")


@pytest.fixture
def lab(tmp_path):
    """Two boards, each with a switch that keeps a diary."""
    devices = tmp_path / "lab" / "devices"
    devices.mkdir(parents=True)
    for name in ("left", "right"):
        (devices / f"{name}.yaml").write_text(DEVICE.format(log=tmp_path / f"{name}.power"))
    return tmp_path / "lab"


@pytest.fixture
def kill(tmp_path, clean, job, lab):
    """A function that runs the job and kills it after so many seconds."""
    file = job("lava-sync here", "lava-test-case x --shell true", roles=(("a", 2),))
    (tmp_path / "tmp").mkdir()
    (tmp_path / "bin").mkdir()
    env = clean | {
        "TMPDIR": str(tmp_path / "tmp"),
        "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}",  # what a run starts is known by it
    }

    def run(seconds, directory):
        process = subprocess.Popen(
            [COMMAND, "--config-dir", lab, "--output-dir", directory, file],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=env,
            cwd=tmp_path,
            start_new_session=True,
        )
        time.sleep(seconds)  # the moment is what is random here
        process.send_signal(signal.SIGKILL)
        # The supervisor has the same stderr: its end is that of both.
        return process.communicate(timeout=LIMIT)[1].decode()

    return run


@pytest.mark.parametrize("seed", range(5))
def test_killed_at_any_moment(kill, tmp_path, seed):
    """No process, lock or scratch file is left, the boards are off, the results are whole."""
    chance = random.Random(seed)
    for number in range(KILLS):
        seconds = chance.uniform(0.0, LONGEST)
        directory = tmp_path / f"out{number}"
        said = kill(seconds, directory)
        context = f"after {seconds:.3f} s: {said}"
        assert _processes(tmp_path) == [], context
        assert _locked(tmp_path / "locks") == [], context
        assert list((tmp_path / "tmp").iterdir()) == [], context
        assert "Traceback" not in said, context
        if not (directory / "events.jsonl").exists():
            continue  # it had not begun
        _check_reports(directory, context)
        if "ended without a word" not in said:
            assert _results(directory)["exit_code"] == 0, context
            continue  # it was over
        assert [_last_line(tmp_path / f"{name}.power") for name in ("left", "right")] == [
            "off",
            "off",
        ], context


def test_out_of_memory(running, little_memory, tmp_path):
    """The kernel's choice when memory is short: what is left is as after any other kill."""
    process = running()
    Path(f"/proc/{process.pid}/oom_score_adj").write_text("1000")  # it is to be the first
    little_memory.joinpath("cgroup.procs").write_text(str(process.pid))
    enter = f"echo $$ >{little_memory}/cgroup.procs; exec {shlex.quote(sys.executable)} -c "
    subprocess.run(["sh", "-c", f"{enter} 'bytearray({4 * MEMORY})'"], capture_output=True)
    said = process.communicate(timeout=LIMIT)[1].decode()
    assert process.returncode == -signal.SIGKILL, said
    assert "ended without a word" in said
    assert [_last_line(tmp_path / f"{name}.power") for name in ("left", "right")] == ["off", "off"]
    assert _locked(tmp_path / "locks") == []
    _check_reports(tmp_path / "out", said)


@pytest.fixture
def little_memory():
    """A control group with little memory."""
    require("control group")
    group, limit, swap = control_group()
    (group / limit).write_text(str(MEMORY))
    if (group / swap).exists():
        (group / swap).write_text("0" if swap.endswith("max") else str(MEMORY))
    yield group
    group.rmdir()


@pytest.fixture
def running(tmp_path, clean, job, lab):
    """A function that starts a run, and returns its process when the boards run tests."""
    env = clean | {"TMPDIR": str(tmp_path)}

    def run():
        file = job("sleep 60", roles=(("a", 2),))
        process = subprocess.Popen(
            [COMMAND, "--config-dir", lab, "--output-dir", tmp_path / "out", file],
            stderr=subprocess.PIPE,
            env=env,
            cwd=tmp_path,
        )
        assert process.stderr is not None
        for line in process.stderr:
            if b"running tests" in line:
                break
        return process

    return run


def test_the_boards_are_held_until_they_are_off(tmp_path, running, lab):
    """Nobody gets a board that the supervisor has yet to switch off."""
    for name in ("left", "right"):
        os.mkfifo(tmp_path / f"go-{name}")
        device = lab / "devices" / f"{name}.yaml"
        waits = device.read_text().replace('off: "', f'off: "cat {tmp_path}/go-{name}; ')
        device.write_text(waits)
    process = running()
    process.kill()
    process.wait()
    assert len(_locked(tmp_path / "locks")) == 2
    for name in ("left", "right"):  # blocks until the switch is being worked
        (tmp_path / f"go-{name}").write_text("go\n")
    said = process.stderr.read().decode()
    process.stderr.close()
    assert "its boards are off" in said
    assert _locked(tmp_path / "locks") == []


def _check_reports(directory, context):
    """The reports are there, agree with the schema, and say why it ended."""
    lines = (directory / "events.jsonl").read_bytes()
    assert lines.endswith(b"\n"), context
    events = [json.loads(line) for line in lines.splitlines()]
    assert [event["event"] for event in events].count("job_finished") == 1, context
    assert [e["t"] for e in events] == sorted(e["t"] for e in events), context
    results = _results(directory)
    jsonschema.validate(results, json.loads(SCHEMA.read_text()))
    assert (directory / "results.xml").stat().st_size, context
    assert (directory / "report.html").stat().st_size, context
    unfinished = [n for n in results["nodes"].values() if n["status"] == "error"]
    if unfinished:
        assert results["status"] == "error", context
        assert results["exit_code"] == 3, context
        assert "the dispatcher ended without a word" in unfinished[0]["error"], context


def _results(directory):
    """Return the content of results.json."""
    return json.loads((directory / "results.json").read_text())


def _processes(directory):
    """Return the processes whose PATH begins with ours."""
    wanted = f"PATH={directory / 'bin'}:".encode()
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                environment = (entry / "environ").read_bytes().split(b"\0")
                if any(item.startswith(wanted) for item in environment):
                    found.append((entry / "cmdline").read_bytes())
            except OSError:
                continue  # it has just ended
    return found


def _locked(directory):
    """Return the lock files that somebody holds."""
    held = []
    for path in directory.glob("*.lock"):
        with path.open() as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                held.append(path.name)
    return held


def _last_line(path):
    lines = path.read_text().splitlines() if path.exists() else []
    return lines[-1] if lines else None
