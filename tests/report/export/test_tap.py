"""TAP, read by its rules."""

import re
import subprocess

import pytest
import tap.parser as tap_parser
from hypothesis import given
from hypothesis import strategies as st

from lava_dispatcher_multinode.report.export import tap
from lava_dispatcher_multinode.report.results import Results


def test_whole_run(whole_story):
    """The report as a harness gets it."""
    assert tap.render(Results.of(whole_story)) == (
        "TAP version 13\n"
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
    reason = "no test result was recorded"
    assert tap.render(Results.of(story.events)) == f"TAP version 13\n1..0 # SKIP {reason}\n"


@pytest.mark.parametrize("name", ["x # SKIP\nok 2 - y\\", "link#todo", "#"])
def test_name_cannot_give_directives(story, name):
    """A case called `x # SKIP` that failed has failed for every reader."""
    text = tap.render(Results.of(story.start({"p": {}}).case("p", name, "fail").end("p").events))
    points = [line for line in tap_parser.Parser().parse_text(text) if line.category == "test"]
    assert [(point.ok, point.skip, point.todo) for point in points] == [(False, False, False)]
    assert "#" not in text


def test_a_tap_consumer_reads_it(whole_story):
    """tap.py, which others use, finds the same points, directives and figures."""
    lines = list(tap_parser.Parser().parse_text(tap.render(Results.of(whole_story))))
    points = [line for line in lines if line.category == "test"]
    assert [(point.number, point.ok, point.skip) for point in points] == [
        (1, True, False),
        (2, True, False),
        (3, False, False),
        (4, True, True),
        (5, False, False),
    ]
    assert points[0].yaml_block == {"measurement": 3.5, "units": "ms"}
    assert not [line for line in lines if line.category == "unknown"]


@pytest.mark.needs("prove")
def test_prove_reads_it(whole_story, tmp_path):
    """Perl's TAP::Harness finds the same failures and no errors."""
    (tmp_path / "run.tap").write_text(tap.render(Results.of(whole_story)))
    command = ["prove", "--verbose", "--exec", "cat", "run.tap"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "Failed tests:  3, 5" in done.stdout + done.stderr
    assert "Parse errors" not in done.stdout + done.stderr


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
