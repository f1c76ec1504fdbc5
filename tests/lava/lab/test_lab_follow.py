"""Following jobs on a server: each kind of end, an outage, a queue; the server is scripted."""

from __future__ import annotations

import json

import pytest

from lava_dispatcher_multinode.console.transcript import Transcript
from lava_dispatcher_multinode.errors import BoardsUnavailable, InfrastructureError
from lava_dispatcher_multinode.lava.lab.lab_follow import MAX_OUTAGE_S, FollowedJob, follow_jobs
from lava_dispatcher_multinode.lava.lab.lab_server import JobState, Unreachable
from lava_dispatcher_multinode.lava.log import LavaLog
from lava_dispatcher_multinode.testshell import case_results


class Script:
    """Answers each poll of a job with the next state; an exception is raised."""

    def __init__(self, *states, log=()):
        self.states = list(states)
        self.lines = [json.dumps(line).encode() for line in log]

    def get_state(self, job):
        """Return or raise the next state; the last one repeats."""
        state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        if isinstance(state, Exception):
            raise state
        return state

    def get_log(self, job, start):
        """Return the lines from `start`."""
        return self.lines[start:]

    def page_url(self, job):
        """Return an address."""
        return f"http://lab/{job}"


@pytest.fixture
def run(tmp_path):
    """A function that follows one scripted job; returns the events."""

    def run(server, **options):
        events = []

        def emit(event, **fields):
            events.append({"event": event, **fields})

        transcript = Transcript(tmp_path / "node", lambda: 0.0)
        log = LavaLog("a", emit, lambda: 0.0, transcript.feed, [{"test": {}}])
        record = tmp_path / "logs.yaml"
        record.write_bytes(b"")
        job = FollowedJob("a", "17", log, transcript, record)
        try:
            follow_jobs(server, [job], emit, 1, sleep=lambda _: None, **options)
        finally:
            transcript.close()
        return events

    return run


def shown(state, health="Unknown", error_type="", error=""):
    """Return the state of a job on a server."""
    return JobState(state, health, "qemu07", error_type, error)


DONE = shown("Finished", "Complete")


@pytest.mark.parametrize(
    ("state", "status", "error_type", "error"),
    [
        (DONE, "pass", None, None),
        (shown("Finished", "Incomplete", "Infrastructure", "no power"),
         "error", "infrastructure", "LAVA: no power"),
        (shown("Finished", "Incomplete", "Test", "deadlock"), "fail", "test", "LAVA: deadlock"),
        (shown("Finished", "Incomplete"),
         "error", "infrastructure", "LAVA: the job ended as Incomplete ()"),
        (shown("Finished", "Canceled"),
         "error", "cancelled", "LAVA: the job was canceled on the server"),
    ],
)  # fmt: skip
def test_how_a_job_ends(run, state, status, error_type, error):
    """Each health has its status and kind, also if the log has no result."""
    (ended,) = [e for e in run(Script(shown("Submitted"), state)) if e["event"] == "node_finished"]
    assert (ended["status"], ended["error_type"], ended["error"]) == (status, error_type, error)


def test_results_without_end(run, monkeypatch):
    """Later results are not recorded, and the node does not pass, whatever the server reports."""
    monkeypatch.setattr(case_results, "MAX_RESULTS", 2)
    case = {"definition": "0_t", "case": "c", "result": "pass"}
    line = {"lvl": "results", "msg": case, "dt": ""}
    events = run(Script(shown("Running"), DONE, log=[line] * 5))
    assert sum(e["event"] == "test_case" for e in events) == 2
    error = "more than 2 results of one lava_test_shell"
    ended = events[-1]
    assert (ended["status"], ended["error_type"], ended["error"]) == ("error", "test", error)


def test_a_network_that_drops_in_the_middle(run, tmp_path):
    """The rest of the log follows after the outage; no line is missing or duplicated."""
    lines = [{"lvl": "info", "msg": f"line {n}", "dt": ""} for n in range(3)]
    events = run(Script(shown("Running"), Unreachable("away"), shown("Running"), DONE, log=lines))
    said = [e["text"] for e in events if e["event"] == "log"]
    assert [text for text in said if text.startswith("line")] == ["line 0", "line 1", "line 2"]
    assert "retrying: away" in said
    assert (tmp_path / "logs.yaml").read_bytes().count(b"line 1") == 1


def test_a_server_that_is_unreachable_for_too_long(run):
    """The retries end after the limit."""
    times = iter(range(0, 10**6, 100))
    with pytest.raises(InfrastructureError, match="away"):
        run(Script(Unreachable("away")), clock=lambda: next(times))
    assert 0 < next(times) <= MAX_OUTAGE_S + 400


def test_a_job_in_the_queue(run):
    """There is no limit without --wait; a running job is not in the queue."""
    times = iter(range(10**6))
    states = [shown("Submitted")] * 50
    assert run(Script(*states, DONE))
    with pytest.raises(BoardsUnavailable, match=r"within 7 s: a \(scheduling\)"):
        run(Script(shown("Scheduling")), wait=7.0, clock=lambda: next(times))
    assert run(Script(*[shown("Running")] * 20, DONE), wait=7.0, clock=lambda: next(times))
