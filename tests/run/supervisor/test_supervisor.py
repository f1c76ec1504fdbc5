"""What the supervisor does with what a dead run has left."""

from __future__ import annotations

import json
import os
import time

from lava_dispatcher_multinode.lab.device_model import Device, Power
from lava_dispatcher_multinode.run.events import EventLog
from lava_dispatcher_multinode.run.supervisor import supervisor
from lava_dispatcher_multinode.run.supervisor.cleanup_state import Estate


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


def test_the_end_is_written_and_the_reports_made(tmp_path, capsys):
    """The torn line goes, each open node and action gets its end, the code is 3."""
    cut_off(tmp_path)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    estate = Estate(
        os.getpid(), "nobody", [scratch], tmp_path, time.monotonic(), [board("left", "true")]
    )
    supervisor.clean_up(estate)
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


def test_a_switch_that_fails_is_named(tmp_path, capsys):
    """The others are switched off all the same; who reads it knows which board is on."""
    cut_off(tmp_path)
    devices = [board("left", "exit 4"), board("right", f"touch {tmp_path}/right-is-off")]
    supervisor.clean_up(Estate(os.getpid(), "nobody", [], tmp_path, 0.0, devices))
    assert (tmp_path / "right-is-off").exists()
    said = capsys.readouterr().err
    assert "NOT switched off: left: power.off" in said
    assert "exited with 4" in (tmp_path / "events.jsonl").read_text()


def test_a_full_disk_does_not_keep_boards_on(tmp_path, capsys):
    """Boards first: a run directory that is gone costs the report only."""
    devices = [board("left", f"touch {tmp_path}/off")]
    supervisor.clean_up(Estate(1, "nobody", [], tmp_path / "gone", 0.0, devices))
    assert (tmp_path / "off").exists()
    assert "its end cannot be written" in capsys.readouterr().err


def test_a_run_that_had_ended_is_not_ended_again(tmp_path):
    """Killed after the last word: only the reports are made anew."""
    with EventLog(tmp_path / "events.jsonl", lambda: 1.0) as log:
        log.emit("job_started", job={}, nodes={})
        log.emit("job_finished", status="pass", exit_code=0, finished="x")
    before = (tmp_path / "events.jsonl").read_bytes()
    supervisor.clean_up(Estate(1, "nobody", [], tmp_path, 0.0, []))
    assert (tmp_path / "events.jsonl").read_bytes() == before
    assert (tmp_path / "results.json").exists()


def test_what_fails_unexpectedly_is_not_off(tmp_path, capsys, monkeypatch):
    """No board is said to be off whose switch has broken in a way that nobody thought of."""

    def broken(_device):
        raise KeyError("a plug-in's mistake")

    monkeypatch.setattr("lava_dispatcher_multinode.boards.power.switch.configured_switch", broken)
    supervisor.clean_up(Estate(1, "nobody", [], None, 0.0, [board("left", "true")]))
    assert "NOT switched off: 'a plug-in's mistake'" in capsys.readouterr().err.replace('"', "'")


def test_a_damaged_event_log_costs_the_reports_only(tmp_path, capsys):
    """It is said, in a sentence."""
    (tmp_path / "events.jsonl").write_text("nonsense\n" * 3)
    devices = [board("left", f"touch {tmp_path}/off")]
    supervisor.clean_up(Estate(1, "nobody", [], tmp_path, 0.0, devices))
    assert (tmp_path / "off").exists()
    assert "its end cannot be written" in capsys.readouterr().err
