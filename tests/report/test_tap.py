"""TAP, read by its rules."""

import re

from hypothesis import given
from hypothesis import strategies as st

from lava_dispatcher_multinode.report import tap
from lava_dispatcher_multinode.report.results import Results


def test_whole_run(whole_story):
    """The report as a harness gets it."""
    assert tap.render(Results.of(whole_story)) == (
        "TAP version 14\n"
        "1..5\n"
        "ok 1 - panda01: 0_smoke ping\n"
        "  ---\n"
        "  measurement: 3.5\n"
        '  units: "ms"\n'
        "  ...\n"
        "ok 2 - panda02: 0_smoke ping\n"
        "not ok 3 - panda02: 0_smoke net iperf <b>\n"
        "ok 4 - panda02: 0_smoke usb # SKIP\n"
        "not ok 5 - beaglexm01: infrastructure\n"
        "  ---\n"
        '  severity: "error"\n'
        '  type: "infrastructure"\n'
        '  message: "lava_test_shell: kernel panic\\nCPU: 0"\n'
        "  ...\n"
    )


def test_nothing_is_skipped_with_its_reason(story):
    """A run without tests is not an empty success."""
    story.start({"panda01": {}}).action("panda01").end("panda01").finish(5)
    reason = "nothing ran: no test result was recorded"
    assert tap.render(Results.of(story.events)) == f"TAP version 14\n1..0 # SKIP {reason}\n"


def test_name_cannot_give_directives(story):
    """A case called `x # SKIP` that failed has failed."""
    story.start({"p": {}}).case("p", "x # SKIP\nok 2 - y\\", "fail").end("p")
    assert "not ok 1 - p: 0_smoke x \\# SKIP ok 2 - y\\\\\n" in tap.render(
        Results.of(story.events)
    )


@given(st.data())
def test_any_events_keep_the_plan(event_lists, data):
    """The plan is the number of points, numbered one after the other."""
    lines = tap.render(Results.of(data.draw(event_lists))).split("\n")
    points = [line for line in lines if re.match(r"(not )?ok ", line)]
    assert lines[1].startswith(f"1..{len(points)}")
    assert [int(re.search(r"ok (\d+) - ", p)[1]) for p in points] == list(
        range(1, len(points) + 1)
    )
    assert all(line.startswith(("TAP", "1..", "ok", "not ok", "  ")) for line in lines[:-1])
