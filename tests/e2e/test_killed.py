"""SIGKILL of lava-dispatch at random times: the supervisor cleans up completely."""

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
from .conftest import COMMAND, RUN_TIMEOUT_S

pytestmark = pytest.mark.slow

KILLS = 10  # per test
MAX_KILL_DELAY_S = 1.8  # a whole run takes 1.5 s
MEMORY_LIMIT_BYTES = 64 << 20  # a dispatcher needs more
DEVICE = """
device_type: panda
connection: {{simulated: true}}
power: {{on: "echo on >> {log}", off: "echo off >> {log}"}}
deploy: {{method: media}}
"""
SCHEMA = Path(files.__file__).with_name("results.schema.json")


@pytest.fixture
def lab(tmp_path):
    """Write device files of two boards with power commands that log their calls."""
    devices = tmp_path / "lab" / "devices"
    devices.mkdir(parents=True)
    for name in ("left", "right"):
        (devices / f"{name}.yaml").write_text(DEVICE.format(log=tmp_path / f"{name}.power"))
    return tmp_path / "lab"


@pytest.fixture
def kill(tmp_path, clean, job, lab):
    """Return a function that runs the job and kills it after a delay in seconds."""
    file = job("lava-sync here", "lava-test-case x --shell true", roles=(("a", 2),))
    (tmp_path / "tmp").mkdir()
    (tmp_path / "bin").mkdir()
    env = clean | {
        "TMPDIR": str(tmp_path / "tmp"),
        "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}",  # marks the processes of the run
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
        time.sleep(seconds)  # the random time of the kill
        process.send_signal(signal.SIGKILL)
        # The supervisor shares stderr: end of file means that both have exited.
        return process.communicate(timeout=RUN_TIMEOUT_S)[1].decode()

    return run


@pytest.mark.parametrize("seed", range(5))
def test_killed_at_any_moment(kill, tmp_path, seed):
    """No process, lock or scratch file is left, boards are off, results are complete."""
    chance = random.Random(seed)
    for number in range(KILLS):
        seconds = chance.uniform(0.0, MAX_KILL_DELAY_S)
        directory = tmp_path / f"out{number}"
        said = kill(seconds, directory)
        context = f"after {seconds:.3f} s: {said}"
        assert _processes(tmp_path) == [], context
        assert _locked(tmp_path / "locks") == [], context
        assert list((tmp_path / "tmp").iterdir()) == [], context
        assert "Traceback" not in said, context
        if not (directory / "events.jsonl").exists():
            continue  # killed before the run began
        _check_reports(directory, context)
        if "the dispatcher died" not in said:
            assert _results(directory)["exit_code"] == 0, context
            continue  # the run had ended
        assert [_last_line(tmp_path / f"{name}.power") for name in ("left", "right")] == [
            "off",
            "off",
        ], context


def test_out_of_memory(running, little_memory, tmp_path):
    """A dispatcher killed by the OOM killer is cleaned up like after any other SIGKILL."""
    process = running()
    Path(f"/proc/{process.pid}/oom_score_adj").write_text("1000")  # first choice of the OOM killer
    little_memory.joinpath("cgroup.procs").write_text(str(process.pid))
    enter = f"echo $$ >{little_memory}/cgroup.procs; exec {shlex.quote(sys.executable)} -c "
    subprocess.run(
        ["sh", "-c", f"{enter} 'bytearray({4 * MEMORY_LIMIT_BYTES})'"], capture_output=True
    )
    said = process.communicate(timeout=RUN_TIMEOUT_S)[1].decode()
    assert process.returncode == -signal.SIGKILL, said
    assert "the dispatcher died" in said
    assert [_last_line(tmp_path / f"{name}.power") for name in ("left", "right")] == ["off", "off"]
    assert _locked(tmp_path / "locks") == []
    _check_reports(tmp_path / "out", said)


@pytest.fixture
def little_memory():
    """Create a control group with little memory."""
    require("control group")
    group, limit, swap = control_group()
    (group / limit).write_text(str(MEMORY_LIMIT_BYTES))
    if (group / swap).exists():
        (group / swap).write_text("0" if swap.endswith("max") else str(MEMORY_LIMIT_BYTES))
    yield group
    group.rmdir()


@pytest.fixture
def running(tmp_path, clean, job, lab):
    """Return a function that starts a run and returns its process when the tests run."""
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
    """A board stays locked until the supervisor has powered it off."""
    for name in ("left", "right"):
        os.mkfifo(tmp_path / f"go-{name}")
        device = lab / "devices" / f"{name}.yaml"
        waits = device.read_text().replace('off: "', f'off: "cat {tmp_path}/go-{name}; ')
        device.write_text(waits)
    process = running()
    process.kill()
    process.wait()
    assert len(_locked(tmp_path / "locks")) == 2
    for name in ("left", "right"):  # blocks until the power command runs
        (tmp_path / f"go-{name}").write_text("go\n")
    said = process.stderr.read().decode()
    process.stderr.close()
    assert "its boards are off" in said
    assert _locked(tmp_path / "locks") == []


def _check_reports(directory, context):
    """The reports exist, match the schema and state the reason."""
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
        assert "the dispatcher died" in unfinished[0]["error"], context


def _results(directory):
    """Return the content of results.json."""
    return json.loads((directory / "results.json").read_text())


def _processes(directory):
    """Return the processes of the run, by the directory at the start of PATH."""
    wanted = f"PATH={directory / 'bin'}:".encode()
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                environment = (entry / "environ").read_bytes().split(b"\0")
                if any(item.startswith(wanted) for item in environment):
                    found.append((entry / "cmdline").read_bytes())
            except OSError:
                continue  # it has just exited
    return found


def _locked(directory):
    """Return the lock files that are locked."""
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
