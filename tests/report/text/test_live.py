"""The content of the live display."""

from hypothesis import given
from hypothesis import strategies as st

from lava_dispatcher_multinode.report.results import Results
from lava_dispatcher_multinode.report.safe_text import width
from lava_dispatcher_multinode.report.text.live import live_lines


def lines(events, now=10.0, columns=100, rows=20):
    """Return the display after the events."""
    return live_lines(Results.of(events), now, columns, rows)


def test_line_per_node_with_what_it_does(story):
    """Name, time in the action, action, step."""
    story.start().at(3).add("action_started", node="panda01", index=0, command="boot_linaro_image")
    story.add("step", node="panda01", text="waiting for the U-Boot prompt")
    shown = [text for text, _ in lines(story.events, now=75)]
    assert shown[0] == ("panda01      1:12  boot_linaro_image  waiting for the U-Boot prompt")
    assert [text.split()[0] for text in shown] == ["panda01", "panda02", "beaglexm01"]


def test_a_wait_names_the_missing_devices_until_its_end(story):
    """Simultaneous calls are counted, and each answer removes one."""
    start = {"node": "panda02", "api": "wait", "role": None, "missing": ["panda01"]}
    end = {"node": "panda02", "api": "wait", "role": None, "outcome": "done"}
    story.start({"panda02": {}}).add("action_started", node="panda02", command="lava_test_shell")
    story.add("wait_started", id="ready", **start)
    assert "lava-wait ready: waiting for panda01" in lines(story.events)[0][0]
    story.add("wait_started", id="done", **start)
    assert lines(story.events)[0][0].endswith("waiting for panda01 (and 1 more calls)")
    story.add("wait_finished", id="ready", **end)
    assert lines(story.events)[0][0].endswith("lava-wait done: waiting for panda01")
    story.add("wait_finished", id="done", **end)
    assert "waiting" not in lines(story.events)[0][0]


def test_same_call_twice_is_still_waited_for_after_one_answer(story):
    """One answer ends one call."""
    start = {"node": "p", "api": "wait", "id": "a", "role": None, "missing": ["q"]}
    story.start({"p": {}}).add("wait_started", **start).add("wait_started", **start)
    story.add("wait_finished", node="p", api="wait", id="a", role=None, outcome="done")
    assert "waiting for q" in lines(story.events)[0][0]


def test_a_node_that_has_sent_is_no_longer_missing(story):
    """The line names those that are missing now, few of them, and counts the others.

    The event names 20 at most, of however many.
    """
    names = [f"p{number:02}" for number in range(30)]
    start = {"node": "p00", "api": "sync", "id": "a", "role": None}
    story.start({name: {} for name in names}).message("p00", "a").message("p29", "a")
    story.add("wait_started", missing=names[1:21], missing_more=8, **start)
    assert lines(story.events)[0][0].endswith("lava-sync a: waiting for p01, p02 and 26 more")
    for name in (*names[1:20], *names[22:29]):
        story.message(name, "a").message(name, "b")
    assert lines(story.events)[0][0].endswith("lava-sync a: waiting for p20, p21")
    story.message("p20", "a")
    assert lines(story.events)[0][0].endswith("lava-sync a: waiting for p21")
    story.add("wait_finished", outcome="done", **start)
    assert "waiting" not in lines(story.events)[0][0]


def test_any_device_satisfies_a_wait(story):
    """A lava-wait needs only one of the possible senders."""
    start = {"node": "panda01", "api": "wait", "id": "a", "role": None}
    story.start().add("wait_started", missing=["panda02", "beaglexm01"], **start)
    assert lines(story.events)[0][0].endswith("lava-wait a: waiting for another device")


def test_little_room_is_for_what_it_does_just_now(story):
    """A narrow line omits the action, then the counts, but not the call and its peers."""
    start = {"node": "panda01", "api": "sync", "id": "a", "role": None, "missing": ["panda02"]}
    story.start({"panda01": {}, "panda02": {}}).case("panda01")
    story.add("action_started", node="panda01", command="lava_test_shell")
    story.add("wait_started", **start)
    call = "lava-sync a: waiting for panda02"
    shown = [lines(story.events, columns=columns)[0][0] for columns in (80, 60, 48)]
    assert shown == [
        f"panda01   0:10  lava_test_shell  1 passed  {call}",
        f"panda01   0:10  1 passed  {call}",
        f"panda01   0:10  {call}",
    ]


def test_counts_and_styles(story):
    """A failed case is seen at once; a finished node's line stands still."""
    story.start({"p": {}, "q": {}}).case("p").case("p", result="fail")
    story.at(4).case("q").end("q")
    (first, bad), (second, good) = lines(story.events, now=99)
    assert (bad, good) == ("bad", "good")
    assert "1 passed, 1 failed" in first
    assert second.split() == ["q", "0:04", "pass", "1", "passed"]


def test_node_whose_case_failed_has_not_passed(story):
    """A node that ran to its end with a failed case is shown as failed."""
    story.start({"p": {}}).case("p", result="fail").at(4).end("p", "pass")
    ((text, style),) = lines(story.events, now=99)
    assert (text.split(), style) == (["p", "0:04", "fail", "1", "failed"], "bad")


def test_more_nodes_than_rows(story):
    """Those at work are shown, the rest is counted, nothing scrolls."""
    story.start({f"panda{n:02}": {} for n in range(40)})
    for number in range(30):
        story.end(f"panda{number:02}")
    shown = [text for text, _ in lines(story.events, rows=10)]
    assert len(shown) == 10
    assert shown[0].startswith("panda30")
    assert shown[-1] == "and 31 more nodes: 1 at work, 30 finished"
    assert lines(story.events, rows=0) == []


@given(st.data(), st.integers(0, 60), st.integers(0, 5))
def test_any_events_fit_and_command_nothing(event_lists, data, columns, rows):
    """With any console text, no line wraps or has control characters."""
    shown = lines(data.draw(event_lists), columns=columns, rows=rows)
    assert len(shown) <= rows
    for text, _ in shown:
        assert width(text) <= columns
        assert text.isprintable()
