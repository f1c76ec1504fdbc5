"""The end of a run, for people."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lava_dispatcher_multinode.report.results import Results
from lava_dispatcher_multinode.report.summary import FAILURES, summary


def test_whole_run(whole_story):
    """Table, failures, directory, code: in this order, nothing else."""
    assert summary(Results.of(whole_story), Path("lava-runs/x")) == (
        "node        role    type      status  passed  failed  error\n"
        "panda01     server  panda     pass    1       0\n"
        "panda02     client  panda     fail    1       1\n"
        "beaglexm01  client  beaglexm  error   0       0       lava_test_shell: kernel panic\n"
        "\n"
        "failed test cases:\n"
        "  panda02: 0_smoke net iperf <b>\n"
        "\n"
        "results: lava-runs/x\n"
        "exit code 3: the infrastructure failed, not the test\n"
    )


def test_call_that_was_not_answered_is_named(story):
    """The reason of a deadlock is not only in a file."""
    story.start({"panda02": {}}).wait("panda02", "never", "deadlock: panda02 waits").end("panda02")
    text = summary(Results.of(story.events), None)
    assert "  panda02: lava-wait ready: deadlock: panda02 waits\n" in text


def test_why_nothing_began_is_told_in_full(story):
    """What would help is not in the table's one line; said once for all nodes, and bounded."""
    why = "cannot be kept apart:\n  namespaces: no\n  --unconfined" + "\n  more" * 20
    story.start({"a": {}, "b": {}})
    for name in ("a", "b"):
        story.end(name, "error", error=why, error_type="infrastructure")
    text = summary(Results.of(story.events), None)
    assert "\na, b:\n  cannot be kept apart:\n    namespaces: no\n    --unconfined\n" in text
    assert text.count("namespaces: no") == 1
    assert "  and 11 more lines\n" in text


def test_many_failures_are_counted(story):
    """A thousand failed cases do not push the table off the screen."""
    story.start({"p": {}})
    for number in range(FAILURES + 7):
        story.case("p", str(number), "fail")
    text = summary(Results.of(story.end("p").events), None)
    assert "  and 7 more\n" in text
    assert text.count("p: 0_smoke") == FAILURES


def test_run_without_nodes_has_no_table():
    """A job that got no boards has only its code."""
    results = Results.of([{"t": 0, "event": "job_finished", "exit_code": 4}])
    assert summary(results, None) == "exit code 4: the boards are not available\n"


@pytest.mark.parametrize("columns", range(25, 45))
def test_colour_changes_nothing_but_colour(whole_story, columns):
    """Status words are painted in place, also where the table is cut; the text is the same."""
    results = Results.of(whole_story)
    painted = summary(results, Path("x"), color=True, columns=columns)
    for code in ("\x1b[31m", "\x1b[32m", "\x1b[33m", "\x1b[1m", "\x1b[0m"):
        painted = painted.replace(code, "")
    assert painted == summary(results, Path("x"), columns=columns)
    assert all(len(line) <= columns for line in painted.split("\n\n")[0].split("\n"))


def test_status_has_its_colour(whole_story):
    """Good and bad are seen at a glance."""
    painted = summary(Results.of(whole_story), Path("x"), color=True)
    assert "\x1b[31merror\x1b[0m" in painted
    assert "\x1b[32mpass\x1b[0m" in painted


@given(st.data())
def test_any_events_make_text_that_commands_nothing(event_lists, data):
    """Names and errors of boards and jobs are shown as text."""
    text = summary(Results.of(data.draw(event_lists)), Path("a\x1b[2J"), columns=60)
    assert all(line.isprintable() for line in text.split("\n"))
    table = text.split("\n\n")[0].split("\n") if text.startswith("node ") else []
    assert all(len(line) <= 60 for line in table if line.isascii())
