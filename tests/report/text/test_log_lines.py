"""Events as log lines."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lava_dispatcher_multinode.report.results import Results
from lava_dispatcher_multinode.report.text.log_lines import Verbosity, format_event


def told(events):
    """Return the lines of events."""
    results = Results()
    lines = []
    for event in events:
        results.feed(event)
        lines.append(format_event(event, results))
    return [line for line in lines if line is not None]


def test_whole_run_reads_like_a_log(whole_story):
    """Time, node, action, what happened."""
    texts = [line.text for line in told(whole_story)]
    assert texts[0] == (
        "[    0.000] job ping on panda01 (server), panda02 (client), beaglexm01 (client)"
    )
    assert texts[1:3] == [
        "[    0.500] panda01 deploy_linaro_image: started",
        "[    0.500] panda01 deploy_linaro_image: pass after 1.5 s",
    ]
    assert "[    3.000] panda01 sent ready ip=10.0.0.1" in texts
    assert "[    3.000] panda02: lava-wait ready: waiting for panda01" in texts
    assert "[    6.000] panda01: 0_smoke ping: pass (3.5 ms)" in texts
    assert texts[-1] == "[    8.000] beaglexm01: finished: error: lava_test_shell: kernel panic"


@pytest.mark.parametrize(
    ("event", "verbosity", "style"),
    [
        ({"event": "step", "text": "login"}, Verbosity.PROGRESS, ""),
        ({"event": "test_case", "case": "a", "result": "fail"}, Verbosity.NOTABLE, "bad"),
        ({"event": "test_case", "case": "a", "result": "pass"}, Verbosity.PROGRESS, "good"),
        ({"event": "wait_finished", "outcome": "never"}, Verbosity.NOTABLE, "bad"),
        ({"event": "wait_finished", "outcome": "done"}, Verbosity.PROGRESS, ""),
        ({"event": "node_finished", "status": "pass"}, Verbosity.PROGRESS, "good"),
        ({"event": "node_finished", "status": "error"}, Verbosity.NOTABLE, "bad"),
        ({"event": "log", "level": "DEBUG", "text": "a"}, Verbosity.DETAIL, ""),
        ({"event": "log", "level": "warning", "text": "a"}, Verbosity.NOTABLE, "warning"),
        ({"event": "log", "level": "error", "text": "a"}, Verbosity.NOTABLE, "bad"),
    ],
)
def test_verbosity_and_style(event, verbosity, style):
    """Failures are always shown, details only with -v."""
    (line,) = told([{"t": 1.0, "node": "panda01", **event}])
    assert (line.verbosity, line.style) == (verbosity, style)


def test_node_whose_case_failed_has_not_passed(story):
    """The final status of a node is that of its results."""
    story.start({"p": {}, "q": {}}).case("p", result="fail").case("q").end("p").end("q")
    assert [line.text.partition("] ")[2] for line in told(story.events)][-2:] == [
        "p: finished: fail",
        "q: finished: pass",
    ]


def test_end_of_the_job_is_left_to_the_summary(story):
    """The summary follows, so the last event has no line."""
    assert told(story.finish().events) == []


@given(st.data())
def test_any_events_are_printable_lines(event_lists, data):
    """Control characters from boards do not reach the terminal."""
    for line in told(data.draw(event_lists)):
        assert line.text.isprintable()


def test_long_words_are_cut(story):
    """Long texts are cut."""
    story.start({"p": {}}).message("p", data="x" * 60000).case("p", "y" * 60000)
    assert all(len(line.text) < 400 for line in told(story.events))
