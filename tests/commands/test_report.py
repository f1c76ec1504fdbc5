"""`lava-multinode report`: the verb."""

import json

import pytest

from lava_dispatcher_multinode.commands.lava_multinode import build_parser
from lava_dispatcher_multinode.errors import ExitCode, InvalidJob
from lava_dispatcher_multinode.run.events import EventLog
from lava_dispatcher_multinode.run.output import output_directory

JOB = {"name": "ping", "id": "42", "file": "ping.json"}


@pytest.fixture
def directory(tmp_path):
    """A run directory of one board that passed a case, without its reports."""
    with EventLog(tmp_path / "events.jsonl", lambda: 1.0) as log:
        log.emit("job_started", job=JOB, started="2026-11-22T14:00:00Z", nodes={"panda01": {}})
        log.emit("test_case", node="panda01", definition="smoke", case="größe", result="pass")
        log.emit("node_finished", node="panda01", status="pass", error_type=None, error=None)
        log.emit("job_finished", status="pass", exit_code=0, finished="2026-11-22T14:00:01Z")
    return tmp_path


def call(*words):
    """Parse and run, as the command does."""
    args = build_parser(["report"]).parse_args(["report", *map(str, words)])
    return args.run(args)


@pytest.mark.parametrize(
    ("kind", "beginning"),
    [
        ("json", '{\n "format": 1,'),
        ("junit", '<?xml version="1.0" encoding="utf-8"?>\n<testsuites'),
        ("html", "<!DOCTYPE html>"),
        ("squad", '{\n "tests": {'),
        ("kcidb", '{\n "version": {'),
        ("tap", "TAP version 13\n1..1\nok 1 - panda01: smoke größe\n"),
    ],
)
def test_every_format_goes_to_standard_output(directory, capsys, kind, beginning):
    """Standard output has the report alone, for pipes."""
    assert call(directory, "--format", kind) == ExitCode.PASS
    out, err = capsys.readouterr()
    assert out.startswith(beginning)
    assert err == ""


def test_changes_against_another_run(directory, capsys):
    """Text and JSON list the changes; other formats reject --against."""
    assert call(directory, "--against", directory) == ExitCode.PASS
    assert "Changes since the other run:\n  none\n" in capsys.readouterr().out
    call(directory, "--against", directory, "--json")
    assert json.loads(capsys.readouterr().out)["changes"] == []
    with pytest.raises(InvalidJob, match="not supported by --format tap"):
        call(directory, "--against", directory, "--format", "tap")


@pytest.mark.parametrize("words", [("--origin", "Big Lab"), ("--build-id", "none")])
def test_kcidb_names_are_checked_at_once(directory, capsys, words):
    """Names that KCIDB rejects are usage errors."""
    with pytest.raises(SystemExit):
        call(directory, "--format", "kcidb", *words)
    assert words[1] in capsys.readouterr().err


def test_json_is_short_for_its_format(directory, capsys):
    """--json is an alias, as for every verb."""
    call(directory, "--json")
    assert json.loads(capsys.readouterr().out)["nodes"]["panda01"]["status"] == "pass"


def test_the_default_is_the_summary(directory, capsys):
    """It is the summary that the run printed."""
    call(directory)
    assert capsys.readouterr().out.endswith(
        f"Results: {directory}\nResult: passed (exit code 0)\n"
    )


def test_output_file(directory, capsys):
    """-o writes the file and prints nothing."""
    call(directory, "--format", "tap", "-o", directory / "a.tap")
    assert (directory / "a.tap").read_text("utf-8").startswith("TAP version 13\n")
    assert capsys.readouterr().out == ""


def test_output_that_cannot_be_written(directory):
    """A clear error, no traceback."""
    with pytest.raises(InvalidJob, match="No such file or directory"):
        call(directory, "--format", "tap", "-o", directory / "no" / "a.tap")


def test_directory_without_a_run(tmp_path):
    """The error names the missing file and an example of a run directory."""
    with pytest.raises(InvalidJob, match=r"events\.jsonl: No such file.*lava-runs/latest"):
        call(tmp_path, "--format", "tap")


def test_help_has_an_example(capsys):
    """--help shows an example."""
    with pytest.raises(SystemExit):
        call("--help")
    assert "example:\n  lava-multinode report" in capsys.readouterr().out


def test_a_run_that_goes_on_has_no_verdict_yet(tmp_path, capsys):
    """A running node is open; when the process of the run has ended, it has failed."""
    with EventLog(tmp_path / "events.jsonl", lambda: 1.0) as log:
        log.emit("job_started", job=JOB, started="2026-11-22T14:00:00Z", nodes={"panda01": {}})
    with output_directory(tmp_path, "ping", {}):
        assert call(tmp_path) == ExitCode.PASS
        text = capsys.readouterr().out
        assert "open" in text
        assert text.endswith("The run is not finished.\n")
    call(tmp_path)
    assert "exit code 3" in capsys.readouterr().out
