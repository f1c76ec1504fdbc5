"""The supervisor's cleanup after the dispatcher's death."""

from __future__ import annotations

import json
import time

import jsonschema
import pytest

from lava_dispatcher_multinode.job.schema_check import load_schema
from lava_dispatcher_multinode.lab.device_model import Device
from lava_dispatcher_multinode.lab.device_sections import Power
from lava_dispatcher_multinode.run.events import EventLog
from lava_dispatcher_multinode.run.supervisor import cleanup
from lava_dispatcher_multinode.run.supervisor.cleanup_state import CleanupState


def board(name, off):
    """A device whose switch runs `off`."""
    return Device(name, "panda", power=Power(on="true", off=off))


def cut_off(directory):
    """Write the events of a run that was cut off in the middle of a line."""
    with EventLog(directory / "events.jsonl", lambda: 1.0) as log:
        nodes = {name: {"role": "a", "device_type": "panda"} for name in ("left", "right")}
        log.emit("job_started", job={"name": "j", "id": "1", "file": "f"}, nodes=nodes)
        log.emit("action_started", node="left", index=0, command="lava_test_shell")
        log.emit("node_finished", node="right", status="pass", error_type=None, error=None)
    with (directory / "events.jsonl").open("ab") as file:
        file.write(b'{"t": 2.0, "event": "test_c')


def test_the_results_are_completed(tmp_path, capsys):
    """A torn line is removed, open nodes and actions fail, and the exit code is 3."""
    cut_off(tmp_path)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    state = CleanupState("unused", [scratch], tmp_path, time.monotonic(), [board("left", "true")])
    cleanup.clean_up(state)
    assert not scratch.exists()
    assert "its boards are off" in capsys.readouterr().err
    events = [json.loads(line) for line in (tmp_path / "events.jsonl").read_text().splitlines()]
    assert [event["event"] for event in events[3:]] == [
        "log",
        "action_finished",
        "node_finished",
        "job_finished",
    ]
    results = json.loads((tmp_path / "results.json").read_text())
    assert (results["status"], results["exit_code"]) == ("error", 3)
    assert results["nodes"]["right"]["status"] == "pass"
    assert results["nodes"]["left"]["actions"][0]["status"] == "error"
    assert results["nodes"]["left"]["error_type"] == "infrastructure"


@pytest.mark.parametrize("log", [None, b"", b'{"t": 0.0, "eve'])
def test_a_death_before_the_first_event_is_recorded(tmp_path, log):
    """The log has the reason and the end, and the reports state the error."""
    if log is not None:
        (tmp_path / "events.jsonl").write_bytes(log)
    cleanup.clean_up(CleanupState("unused", [], tmp_path, time.monotonic()))
    events = [json.loads(line) for line in (tmp_path / "events.jsonl").read_text().splitlines()]
    assert [event["event"] for event in events] == ["log", "job_finished"]
    assert events[0]["text"] == cleanup.DIED
    results = json.loads((tmp_path / "results.json").read_text())
    assert (results["status"], results["exit_code"], results["nodes"]) == ("error", 3, {})
    jsonschema.validate(results, load_schema("report", "results.schema.json"))
    assert (tmp_path / "results.xml").stat().st_size
    assert (tmp_path / "report.html").stat().st_size


def test_a_switch_that_fails_is_named(tmp_path, capsys):
    """The other devices are powered off all the same."""
    cut_off(tmp_path)
    devices = [board("left", "exit 4"), board("right", f"touch {tmp_path}/right-is-off")]
    cleanup.clean_up(CleanupState("unused", [], tmp_path, 0.0, devices))
    assert (tmp_path / "right-is-off").exists()
    said = capsys.readouterr().err
    assert "NOT switched off: left: power.off" in said
    assert "exited with 4" in (tmp_path / "events.jsonl").read_text()


def test_a_full_disk_does_not_keep_boards_on(tmp_path, capsys):
    """Devices are powered off even if the run directory no longer exists."""
    devices = [board("left", f"touch {tmp_path}/off")]
    cleanup.clean_up(CleanupState("unused", [], tmp_path / "gone", 0.0, devices))
    assert (tmp_path / "off").exists()
    assert "its results cannot be completed" in capsys.readouterr().err


def test_a_run_that_had_ended_is_not_ended_again(tmp_path):
    """After a death behind the last event, only the reports are written again."""
    with EventLog(tmp_path / "events.jsonl", lambda: 1.0) as log:
        log.emit("job_started", job={}, nodes={})
        log.emit("job_finished", status="pass", exit_code=0, finished="x")
    before = (tmp_path / "events.jsonl").read_bytes()
    cleanup.clean_up(CleanupState("unused", [], tmp_path, 0.0, []))
    assert (tmp_path / "events.jsonl").read_bytes() == before
    assert (tmp_path / "results.json").exists()


def test_an_unexpected_error_counts_as_not_off(tmp_path, capsys, monkeypatch):
    """No device is reported off after an unknown exception of its power switch."""

    def broken(_device):
        raise KeyError("a plug-in's mistake")

    monkeypatch.setattr("lava_dispatcher_multinode.boards.power.switch.configured_switch", broken)
    cleanup.clean_up(CleanupState("unused", [], None, 0.0, [board("left", "true")]))
    assert "NOT switched off: 'a plug-in's mistake'" in capsys.readouterr().err.replace('"', "'")


def test_a_damaged_event_log_costs_the_reports_only(tmp_path, capsys):
    """The devices are powered off, and the message names the damage."""
    (tmp_path / "events.jsonl").write_text("nonsense\n" * 3)
    devices = [board("left", f"touch {tmp_path}/off")]
    cleanup.clean_up(CleanupState("unused", [], tmp_path, 0.0, devices))
    assert (tmp_path / "off").exists()
    assert "its results cannot be completed" in capsys.readouterr().err
