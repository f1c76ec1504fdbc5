"""What changed from one run to another."""

from hypothesis import given
from hypothesis import strategies as st

from lava_dispatcher_multinode.report.changes import find_changes, sentence_text
from lava_dispatcher_multinode.report.results import Results


def said(before, after):
    """Return the changes as text."""
    return [
        sentence_text(change) for change in find_changes(Results.of(before), Results.of(after))
    ]


def run(make, **case):
    """Return the events of a run of one board with one case."""
    return make().start({"a": {"role": "r"}}).case("a", **case).end("a").finish(0).events


def test_same_run_has_no_changes(whole_story):
    """A run compared with itself has no changes."""
    assert said(whole_story, whole_story) == []


def test_results_that_became_others(story):
    """Changed, new and missing cases are named."""
    make = type(story)
    assert said(run(make), run(make, result="fail")) == [
        "a: pass became fail",
        "a: 0_smoke ping: pass became fail",
    ]
    assert said(run(make, case="x"), run(make)) == [
        "a: 0_smoke ping: new, pass",
        "a: 0_smoke x: missing, was pass",
    ]


def test_equal_changes_of_many_nodes_are_reported_once(story):
    """Equal changes of several boards are one sentence."""

    def many(result):
        told = type(story)().start({name: {"role": "r"} for name in "abc"})
        for name in "abc":
            told.case(name, result=result).end(name)
        return told.finish(0).events

    assert said(many("pass"), many("fail")) == [
        "a, b, c: pass became fail",
        "a, b, c: 0_smoke ping: pass became fail",
    ]


def test_measurements_count_from_a_tenth(story):
    """Small differences of measurements are ignored; those of texts are not."""
    make = type(story)
    assert said(run(make, measurement=100), run(make, measurement=105)) == []
    assert said(
        run(make, measurement=100, units="ms"), run(make, measurement=150, units="ms")
    ) == ["a: 0_smoke ping: 100 became 150 ms"]


def test_exchanged_board_is_compared_by_role(story):
    """Another board in the same role is still the same part of the test."""
    make = type(story)
    other = make().start({"b": {"role": "r"}}).case("b", result="fail").end("b").finish(0).events
    assert "b: 0_smoke ping: pass became fail" in said(run(make), other)
    assert "b replaces a" in said(run(make), other)


@given(st.data())
def test_any_two_runs_compare(event_lists, data):
    """Any kinds, any order, cut anywhere."""
    said(data.draw(event_lists), data.draw(event_lists))
