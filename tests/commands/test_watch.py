"""`lava-multinode watch`: the verb."""

import json

import pytest

from lava_dispatcher_multinode.commands import web
from lava_dispatcher_multinode.commands.lava_multinode import build_parser
from lava_dispatcher_multinode.errors import ExitCode, InvalidJob
from lava_dispatcher_multinode.run.events import EventLog

JOB = {"name": "ping", "id": "42", "file": "ping.json"}


@pytest.fixture
def directory(tmp_path):
    """The directory of a run with a failed case whose name has an escape sequence."""
    with EventLog(tmp_path / "events.jsonl", lambda: 1.0) as log:
        log.emit("job_started", job=JOB, started="2026-11-22T14:00:00Z", nodes={"panda01": {}})
        log.emit("test_case", node="panda01", definition="0", case="\x1b[2Jx", result="fail")
        log.emit("node_finished", node="panda01", status="fail", error_type="test", error=None)
        log.emit("job_finished", status="fail", exit_code=1, finished="2026-11-22T14:00:01Z")
    return tmp_path


def call(*words):
    """Parse and run, as the command does."""
    args = build_parser(["watch"]).parse_args(web.expand_web_option(["watch", *map(str, words)]))
    return args.run(args)


def test_it_shows_the_run_and_has_its_exit_code(directory, capsys):
    """Without a terminal: plain lines, the summary, and no escape sequences."""
    assert call(directory) is ExitCode.TEST_FAILED
    out = capsys.readouterr().out
    assert "[    1.000] job ping on panda01" in out
    assert "Result: a test failed (exit code 1)" in out
    assert "\x1b" not in out


def test_json_has_stdout_for_itself(directory, capsys):
    """results.json is on stdout, the view on stderr."""
    assert call("--json", directory) is ExitCode.TEST_FAILED
    said = capsys.readouterr()
    assert json.loads(said.out)["nodes"]["panda01"]["status"] == "fail"
    assert "job ping on panda01" in said.err


def test_a_killed_run_is_reported(directory, capsys):
    """A run without job_finished and without a process was killed."""
    log = directory / "events.jsonl"
    log.write_bytes(b"".join(log.read_bytes().splitlines(keepends=True)[:2]))
    assert call(directory) is ExitCode.INFRASTRUCTURE
    assert "the run was killed" in capsys.readouterr().err


def test_directory_without_a_run(tmp_path):
    """An error instead of an endless wait."""
    with pytest.raises(InvalidJob):
        call(tmp_path)


def test_web_serves_while_it_watches(directory, capsys):
    """The URL is printed."""
    call("--web", directory)
    assert "http://127.0.0.1:" in capsys.readouterr().err
