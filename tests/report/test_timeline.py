"""The timeline: positions of its parts."""

import re
import xml.etree.ElementTree as ET

import pytest

from lava_dispatcher_multinode.report import timeline
from lava_dispatcher_multinode.report.results import Results


def drawn(events):
    """Return the picture as a tree."""
    return ET.fromstring(timeline.svg(Results.of(events)))


def test_bar_is_where_its_action_was(story):
    """An action over the second quarter of the run covers the second quarter of the lane."""
    story.start({"panda01": {}}).at(2).add(
        "action_started", node="panda01", index=0, command="boot_linaro_image"
    )
    story.at(4).add(
        "action_finished",
        node="panda01",
        index=0,
        command="boot_linaro_image",
        status="pass",
        seconds=2,
    )
    bar = drawn(story.at(8).finish().events).find(".//rect[@class='bar pass']")
    lane = timeline.WIDTH - timeline.LABEL - 10
    assert float(bar.get("x")) == timeline.LABEL + lane / 4
    assert float(bar.get("width")) == lane / 4


def test_action_that_was_cut_off_reaches_to_the_end(story):
    """Open actions and waits reach to the end."""
    story.start({"panda01": {}}).at(5).add(
        "action_started", node="panda01", index=0, command="lava_test_shell"
    )
    bar = drawn(story.at(10).add("step", node="panda01", text="x").events).find(
        ".//rect[@class='bar error']"
    )
    assert float(bar.get("x")) + float(bar.get("width")) == timeline.WIDTH - 10


def test_an_arrow_goes_from_the_sender_to_the_waiting_node(story):
    """Only messages of that ID, of others, sent by then; of each sender the last."""
    story.start().at(1).message("panda01", n="1").at(2).message("panda01", n="2")
    story.message("panda02").message("beaglexm01", "other")
    story.at(3).wait("panda02").at(9).message("panda01", n="3")
    (arrow,) = timeline.find_arrows(Results.of(story.events))
    assert (arrow.message.sender, arrow.message.data) == ("panda01", {"n": "2"})
    assert arrow.wait.node == "panda02"
    (line,) = drawn(story.events).iterfind("line[@class='message']")
    assert float(line.get("y1")) < float(line.get("y2"))
    assert float(line.get("x1")) < float(line.get("x2"))


def test_wait_that_was_not_answered_has_no_arrow(story):
    """A message after the answer has no arrow."""
    story.start().message("panda01").wait("panda02", "timeout")
    assert list(timeline.find_arrows(Results.of(story.events))) == []


def test_picture_stays_bounded(story):
    """A run of very many messages still makes a page that a browser can show."""
    story.start().message("panda01")
    for _ in range(timeline.MAX_ARROWS + 10):
        story.wait("panda02")
    assert len(drawn(story.events).findall("line[@class='message']")) == timeline.MAX_ARROWS


@pytest.mark.parametrize(
    ("end", "labels"),
    [
        (0, ["0 s", "0.0002 s", "0.0004 s", "0.0006 s", "0.0008 s", "0.001 s"]),
        (9.1, [f"{second} s" for second in range(10)]),
        (397, [f"{second} s" for second in range(0, 351, 50)]),
    ],
)
def test_times_are_round(story, end, labels):
    """The axis has round numbers."""
    picture = timeline.svg(Results.of(story.start().at(end).finish().events))
    assert re.findall(r">([\d.]+ s)</text>", picture) == labels
