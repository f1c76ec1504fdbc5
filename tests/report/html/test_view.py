"""The data of the timeline."""

import json
import re
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from lava_dispatcher_multinode.report import timeline
from lava_dispatcher_multinode.report.html.view import page_data
from lava_dispatcher_multinode.report.results import Results


def items(events, kind):
    """Return the items of one kind."""
    return [item for item in page_data(Results.of(events))["items"] if item["kind"] == kind]


def test_wait_knows_the_messages_that_released_it(story):
    """Each sender's last message by then, the latest of them at the end."""
    story.start().at(1).message("beaglexm01").at(2).message("panda01").at(3).wait("panda02")
    (wait,) = items(story.events, "wait")
    assert wait["from"] == [["beaglexm01", 1], ["panda01", 2]]
    assert (wait["start"], wait["end"], wait["result"]) == (3, 5, "pass")


def test_recorded_senders_are_used(story):
    """Recorded senders are used as they are."""
    story.start().at(1).message("beaglexm01").message("panda01").wait("panda02")
    story.events[-1]["senders"] = ["panda01"]
    (wait,) = items(story.events, "wait")
    assert [sender for sender, _ in wait["from"]] == ["panda01"]


def test_the_limit_of_arrows_is_the_documented_one():
    """The page with and without JavaScript has one limit."""
    assert page_data(Results.of([]))["maxArrows"] == timeline.MAX_ARROWS
    text = (Path(__file__).parents[3] / "docs/how-to/read-a-report.md").read_text()
    assert re.findall(r"(\d+) arrows", text) == [str(timeline.MAX_ARROWS)] * 2


def test_what_is_still_on_reaches_to_the_present(story):
    """Open items of an unfinished run are shown."""
    story.start({"a": {}}).at(2).add("action_started", node="a", index=0, command="boot")
    story.at(7).add("step", node="a", text="waiting for U-Boot")
    (action,) = items(story.events, "action")
    assert (action["start"], action["end"], action["result"], action["open"]) == (
        2,
        7,
        "open",
        True,
    )


def test_case_without_times_is_where_it_was_recorded(story):
    """Only a valid pair of times makes a bar."""
    story.start().at(5).case("panda01").case("panda01", start=9, end=1)
    assert {(item["start"], item["end"]) for item in items(story.events, "case")} == {(5, 5)}


def test_call_is_drawn_once(story):
    """Its wait is the bar; its result is a mark, also where it has both times."""
    story.start().at(1).wait("panda02")
    story.case("panda02", "multinode-wait-ready", start=1.0, end=3.0)
    (case,), (wait,) = items(story.events, "case"), items(story.events, "wait")
    assert (case["start"], case["end"]) == (3, 3)
    assert (wait["start"], wait["end"]) == (1, 3)


@given(st.data())
def test_any_events_make_data_that_a_page_can_show(event_lists, data):
    """Valid JSON, times in order, no text that turns, hides or commands."""
    shown = page_data(Results.of(data.draw(event_lists)))
    text = json.loads(json.dumps(shown, allow_nan=False))
    for item in text["items"]:
        assert item["start"] <= item["end"]
        assert item["label"].isprintable()
        assert not set("\x00\x1b\u202e\ud800") & set(item.get("detail", ""))
