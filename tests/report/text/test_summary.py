"""The summary of a run."""

import io
import os
import termios
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lava_dispatcher_multinode.report.results import Results
from lava_dispatcher_multinode.report.text.summary import (
    MAX_FAILURES,
    format_summary,
    summary_for_stream,
)


def test_whole_run(whole_story):
    """Table, failures, directory, code: in this order, nothing else."""
    assert format_summary(Results.of(whole_story), Path("lava-runs/x")) == (
        "node        role    type      status  passed  failed  error\n"
        "panda01     server  panda     pass    1       0\n"
        "panda02     client  panda     fail    1       1\n"
        "beaglexm01  client  beaglexm  error   0       0       lava_test_shell: kernel panic\n"
        "\n"
        "Failures (oldest first):\n"
        "  [    6.000] panda02: 0_smoke net iperf <b>\n"
        "  [    7.000] beaglexm01: lava_test_shell: kernel panic\n"
        "\n"
        "Results: lava-runs/x\n"
        "Result: infrastructure error (exit code 3)\n"
    )


def test_call_that_was_not_answered_is_named(story):
    """The reason of a deadlock is not only in a file."""
    story.start({"panda02": {}}).wait("panda02", "never", "deadlock: panda02 waits").end("panda02")
    text = format_summary(Results.of(story.events), None)
    assert "  [    2.000] panda02: lava-wait ready: deadlock: panda02 waits\n" in text


def test_a_failure_of_the_whole_group_is_reported_once(story):
    """First the board that died, then all of those that it let down in one line."""
    names = [f"p{number:02}" for number in range(12)]
    story.start({name: {} for name in names}).at(1)
    story.action("p05", status="error", error="kernel panic").end("p05", "error", "infrastructure")
    for name in names:
        if name != "p05":
            story.at(2).wait(name, "never", "p05 failed: kernel panic")
            story.case(name, "multinode-wait-ready", "fail")
            story.case(name, "lava-test-shell-run", "fail").end(name, "fail")
    text = format_summary(Results.of(story.finish(3).events), None)
    listed = "p00, p01, p02, p03, p04, p06, p07, p08 and 3 more"
    assert text.split("\n\n")[1].split("\n")[1:] == [
        "  [    1.000] p05: lava_test_shell: kernel panic",
        f"  [    4.000] {listed}: lava-wait ready: p05 failed: kernel panic",
    ]


def test_page_is_named_where_there_is_one(story, tmp_path):
    """The summary names the report."""
    results = Results.of(story.start({}).finish().events)
    assert "what happened" not in format_summary(results, tmp_path)
    (tmp_path / "report.html").touch()
    assert f"Report: {tmp_path}/report.html\n" in format_summary(results, tmp_path)


def test_on_a_terminal_it_is_cut_to_its_width(story, monkeypatch):
    """Elsewhere nothing is cut."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")
    story.start({"p": {}}).action("p", status="error", error="x" * 200)
    results = Results.of(story.end("p", "error", "infrastructure", "x" * 200).events)
    assert "x" * 200 in summary_for_stream(io.StringIO(), results, None).split("\n\n")[0]
    leader, follower = os.openpty()
    termios.tcsetwinsize(follower, (24, 60))
    with open(leader, "rb"), open(follower, "w") as stream:
        shown = summary_for_stream(stream, results, None)
    assert all(len(line) <= 60 for line in shown.split("\n\n")[0].split("\n"))


def test_the_reason_of_a_run_that_did_not_start_is_complete(story):
    """A long error is shown in full below the table, once for all nodes, up to a limit."""
    why = "cannot be kept apart:\n  namespaces: no\n  --unconfined" + "\n  more" * 20
    story.start({"a": {}, "b": {}})
    for name in ("a", "b"):
        story.end(name, "error", error=why, error_type="infrastructure")
    text = format_summary(Results.of(story.events), None)
    assert "\na, b:\n  cannot be kept apart:\n    namespaces: no\n    --unconfined\n" in text
    assert text.count("namespaces: no") == 1
    assert "  and 11 more lines\n" in text


def test_a_deadlock_is_reported_once(deadlock):
    """The whole sentence stands below the table, for all of them and all their calls."""
    text = format_summary(Results.of(deadlock), None)
    rows = text.split("\n\n")[0].splitlines()[1:]
    assert [row.split("  ")[-1].strip() for row in rows] == [
        "lava-wait a: deadlock: ..",
        "lava-wait a: deadlock: ..",
        "lava-wait b: deadlock: ..",
    ]
    (line,) = (line for line in text.splitlines() if "waits for" in line)
    assert line.startswith(
        "  [    3.000] panda01, panda02: lava-wait a; beaglexm01: lava-wait b; each: deadlock:"
    )
    assert line.endswith("beaglexm01 waits for 'x' from another")


def test_many_failures_are_counted(story):
    """A thousand failed cases do not push the table off the screen."""
    story.start({"p": {}})
    for number in range(MAX_FAILURES + 7):
        story.case("p", str(number), "fail")
    text = format_summary(Results.of(story.end("p").events), None)
    assert "  and 7 more\n" in text
    assert text.count("p: 0_smoke") == MAX_FAILURES


def test_run_without_nodes_has_no_table():
    """A job that got no boards has only its code."""
    results = Results.of([{"t": 0, "event": "job_finished", "exit_code": 4}])
    assert format_summary(results, None) == "Result: boards not available (exit code 4)\n"


@pytest.mark.parametrize("columns", range(25, 45))
def test_colour_changes_nothing_but_colour(whole_story, columns):
    """Status words are painted in place, also where the table is cut; the text is the same."""
    results = Results.of(whole_story)
    painted = format_summary(results, Path("x"), color=True, columns=columns)
    for code in ("\x1b[31m", "\x1b[32m", "\x1b[33m", "\x1b[1m", "\x1b[0m"):
        painted = painted.replace(code, "")
    assert painted == format_summary(results, Path("x"), columns=columns)
    assert all(len(line) <= columns for line in painted.split("\n\n")[0].split("\n"))


def test_status_has_its_colour(whole_story):
    """Good and bad are seen at a glance."""
    painted = format_summary(Results.of(whole_story), Path("x"), color=True)
    assert "\x1b[31merror\x1b[0m" in painted
    assert "\x1b[32mpass\x1b[0m" in painted


@given(st.data())
def test_any_events_make_text_that_commands_nothing(event_lists, data):
    """Names and errors of boards and jobs are shown as text."""
    text = format_summary(Results.of(data.draw(event_lists)), Path("a\x1b[2J"), columns=60)
    assert all(line.isprintable() for line in text.split("\n"))
    table = text.split("\n\n")[0].split("\n") if text.startswith("node ") else []
    assert all(len(line) <= 60 for line in table if line.isascii())
