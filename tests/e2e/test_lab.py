"""Runs on configured boards: device files, and errors about missing boards."""

from __future__ import annotations

import base64
import json
import signal
import subprocess
import time

import pytest

from .conftest import COMMAND, RUN_TIMEOUT_S

pytestmark = pytest.mark.slow

DEVICE = """
device_type: panda
tags: [bench]
connection: {simulated: true}
power: {simulated: true}
deploy: {method: media}
"""


@pytest.fixture
def lab(tmp_path):
    """Return a lab of two simulated boards with device files."""
    devices = tmp_path / "lab" / "devices"
    devices.mkdir(parents=True)
    for name in ("left", "right"):
        (devices / f"{name}.yaml").write_text(DEVICE)
    return tmp_path / "lab"


def test_configured_boards_run_without_simulate(dispatch, job, lab):
    """A job runs on the boards of the device files, under the files' names."""
    run = dispatch(
        "--config-dir",
        lab,
        job("lava-sync here", "lava-test-case x --shell true", roles=(("a", 1), ("b", 1))),
    )
    assert run.code == 0, run.err
    assert sorted(run.results["nodes"]) == ["left", "right"]


def test_a_line_without_flow_control(dispatch, job, lab):
    """connection.fifo: input is sent only after the board has acknowledged the previous piece."""
    file = lab / "devices" / "left.yaml"
    # 64 and not the 16 of a usual UART: the overlay takes a quarter of the time.
    file.write_text(DEVICE.replace("simulated: true}", "simulated: true, fifo: 64}", 1))
    steps = ("lava-send data value='a b=c%'", "lava-test-case x --shell 'lava-wait-all data'")
    run = dispatch("--config-dir", lab, job(*steps, roles=(("a", 2),)))
    assert run.code == 0, run.err


def test_a_held_board_is_named_with_its_holder(dispatch, job, lab, clean, tmp_path):
    """A busy board: exit code 4 with its holder; with --wait the run starts when it is free."""
    holder = subprocess.Popen(
        [
            COMMAND,
            "--config-dir",
            lab,
            "--output-dir",
            tmp_path / "first",
            job(
                "lava-test-case x --shell 'sleep 4'",
                roles=(("a", 1),),
                more={"job_name": "the first"},
            ),
        ],
        env=clean,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + RUN_TIMEOUT_S
        while not (tmp_path / "first" / "events.jsonl").exists():
            assert time.monotonic() < deadline
            time.sleep(0.02)
        wanted = job("lava-test-case y --shell true", roles=(("a", 2),))
        run = dispatch("--config-dir", lab, wanted)
        assert run.code == 4
        assert f"pid {holder.pid}" in run.err
        assert "the first" in run.err
        run = dispatch("--config-dir", lab, "--wait", "60", wanted)
        assert run.code == 0, run.err
    finally:
        holder.kill()
        holder.wait()


def test_a_shortage_names_the_requirement(dispatch, job, lab):
    """The error names the boards needed and available; no board is touched."""
    run = dispatch("--config-dir", lab, job("true", roles=(("many", 3),)))
    assert run.code == 4
    assert "role many needs 3 panda" in run.err
    assert "left, right" in run.err


def test_an_interrupted_run_waits_for_a_slow_switch(job, clean, tmp_path):
    """Repeated Ctrl-C: the power is off and the lock is free before the command exits."""
    devices = tmp_path / "lab" / "devices"
    devices.mkdir(parents=True)
    log = tmp_path / "switch.log"
    (devices / "slow.yaml").write_text(
        "device_type: panda\n"
        "connection: {command: exec cat}\n"
        f"power: {{on: echo on >> {log}, off: sleep 1; echo off >> {log}, settle: 0}}\n"
        "deploy: {method: none}\n"
    )
    process = subprocess.Popen(
        [COMMAND, "--config-dir", tmp_path / "lab", "--output-dir", tmp_path / "out", job("true")],
        env=clean,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        deadline = time.monotonic() + RUN_TIMEOUT_S
        while not (log.exists() and "on" in log.read_text()):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        for _ in range(4):
            process.send_signal(signal.SIGINT)
            time.sleep(0.05)
        _, err = process.communicate(timeout=RUN_TIMEOUT_S)
    finally:
        process.kill()
    assert process.returncode == 130, err
    assert log.read_text() == "off\non\noff\n"
    results = json.loads((tmp_path / "out" / "results.json").read_text())
    assert results["nodes"]["slow"]["error_type"] == "cancelled"


def test_the_socket_channel(dispatch, job, lab, tmp_path):
    """multinode: socket gives the same results and events, with no call on a console."""
    for name in ("left", "right"):
        file = lab / "devices" / f"{name}.yaml"
        file.write_text(DEVICE + "multinode: socket\n")
    steps = (
        "lava-sync here",
        "lava-send data value='a b=c%'",
        "lava-test-case x --shell 'lava-wait data'",
        "lava-sync --timeout 0.1 late || true",
        "ls -l $LAVA_DIR/socket; env",
        f"cp $LAVA_DIR/socket {tmp_path}/$(lava-self).socket",
    )
    words = ("--config-dir", lab, job(*steps, roles=(("a", 2),)))
    run = dispatch(*words, confinement="unconfined")
    for name in ("left", "right"):
        cases = run.cases(name)
        assert cases["multinode-sync-here"] == "pass", run.err
        assert cases["x"] == cases["multinode-wait-data"] == "pass"
        assert "multinode-sync-late" in cases
        console = run.console(name)
        assert b"-rw------- 1" in console
        assert b"wait,data," not in console
        line = (tmp_path / f"{name}.socket").read_bytes()
        _, secret, _ = line.split(b" ")[2].split(b",")
        assert len(secret) == 32
        assert base64.b64encode(line)[:40] not in console
        for file in run.directory.rglob("*"):
            assert file.is_dir() or secret not in file.read_bytes(), file
    waits = [wait["outcome"] for wait in run.results["waits"] if wait["id"] == "data"]
    assert waits == ["done", "done"]
    results = [case for node in run.results["nodes"].values() for case in node["results"]]
    called = ("multinode-sync-here", "multinode-wait-data")
    times = [case for case in results if case["case"] in called]
    assert all(0 < case["start"] <= case["end"] for case in times)
    definitions = {
        event["definition"]
        for event in run.events
        if event["event"] == "test_case" and event["case"].startswith("multinode-")
    }
    assert definitions == {"0_test"}


def test_a_socket_without_an_address_is_found_before_the_run(dispatch, job, tmp_path):
    """--validate names the file and line of an unusable `multinode: socket`."""
    devices = tmp_path / "lab" / "devices"
    devices.mkdir(parents=True)
    (devices / "real.yaml").write_text(
        "device_type: panda\nconnection: {serial: /dev/ttyUSB7}\nmultinode: socket\n"
    )
    run = dispatch("--validate", "--config-dir", tmp_path / "lab", job("true"))
    assert run.code != 0
    assert f"{devices}/real.yaml:3:1: multinode: socket needs dispatcher_ip" in run.err
