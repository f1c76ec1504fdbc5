"""The tables of a page."""

import re

from lava_dispatcher_multinode.report.html import html_report, tables
from lava_dispatcher_multinode.report.results import Results


def test_a_case_that_was_run_again_shows_its_history(story):
    """One row, the last result in it, and every earlier one with its time."""
    story.start({"panda01": {}}).at(1).case("panda01", result="fail").at(2).case("panda01")
    text = html_report.render(Results.of(story.end("panda01").events))
    (row,) = re.findall("<tr [^>]*>.*0_smoke.*</tr>", text)
    assert row.index("fail at 1.000 s") < row.index("pass at 2.000 s")
    assert 'data-result="pass"' in row


def test_every_try_of_a_boot_is_in_the_table(story):
    """Every boot attempt is shown."""
    story.start({"panda01": {}}).add("action_started", node="panda01", index=0, command="boot")
    for attempt, status in ((1, "error"), (2, "pass")):
        story.at(attempt).add("boot_started", node="panda01", attempt=attempt, of=3)
        story.add("boot_finished", node="panda01", attempt=attempt, of=3, status=status)
    text = html_report.render(Results.of(story.events))
    assert ">1: error</a> <a" in text
    assert ">2: pass</a>" in text


def test_name_that_is_no_text_has_a_page(story):
    """A lone surrogate cannot be part of a link; the page is made all the same."""
    text = tables.nodes(Results.of(story.start({"\ud800": {}}).events))
    assert 'href="nodes/%3F/console.log"' in text


def test_empty_columns_are_left_out(story):
    """A table of results without sets, measurements and retries has none of their columns."""
    story.start({"panda01": {}}).case("panda01")
    text = html_report.render(Results.of(story.end("panda01").events))
    assert ">Case<" in text
    assert not re.search(">(Set|Measurement|History)<", text)
    story.case("panda01", measurement=3, units="s", set="net")
    text = html_report.render(Results.of(story.events))
    assert re.search(">Set<.*>Measurement<", text)


def test_long_tables_are_closed_at_first(story):
    """A long table is folded and shows its count."""
    story.start({"panda01": {}})
    for number in range(300):
        story.case("panda01", f"case {number}")
    text = html_report.render(Results.of(story.end("panda01").events))
    assert '<details open id="nodes">' in text
    assert '<details id="results"><summary><h2>Results <span class="dim">300</span>' in text


def test_table_of_waits_has_it_in_full_once(deadlock):
    """A shared reason is in full in one row, and in the titles of the others."""
    results = Results.of(deadlock)
    waits, nodes = tables.waits(results), tables.nodes(results)
    assert waits.count(">lava-wait a: deadlock: panda01 waits") == 1
    assert waits.count(": deadlock: ..</td>") == 2
    assert nodes.count(": deadlock: ..</td>") == 3
    assert (waits + nodes).count('title="lava-wait ') == 5
