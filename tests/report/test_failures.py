"""The failures in order, and the waits for the nodes that failed."""

from hypothesis import given
from hypothesis import strategies as st

from lava_dispatcher_multinode.report.failures import SharedReasons, find_failures, find_waits_for
from lava_dispatcher_multinode.report.results import Results


def told(events):
    """Return the failures as (time, node, what)."""
    return [(f.time, f.node, f.what) for f in find_failures(Results.of(events))]


def test_failures_are_in_order_of_time(whole_story):
    """A failed case, then the board that died."""
    assert told(whole_story) == [
        (6, "panda02", "0_smoke net iperf <b>"),
        (7, "beaglexm01", "lava_test_shell"),
    ]


def test_a_definition_that_was_cut_short_is_reported_with_its_reason(story):
    """`lava-test-shell-run` alone is no explanation."""
    why = "exit code 2 before its last step"
    story.start({"a": {}}).case("a", "lava-test-shell-run", "fail", error=why).end("a", "fail")
    (failure,) = find_failures(Results.of(story.events))
    assert str(failure) == f"0_smoke lava-test-shell-run: {why}"


def test_boot_that_a_retry_mended_is_no_failure(story):
    """A boot that a retry repaired is no failure."""
    story.start({"a": {}}).add("boot_started", node="a", attempt=1, of=2)
    story.add("boot_finished", node="a", attempt=1, of=2, status="error", error="panic")
    story.action("a", "boot_linaro_image").end("a")
    assert told(story.events) == []


def test_a_call_is_reported_once_and_not_again_as_its_result(story):
    """The result of a failed call is no failure of its own."""
    story.start({"a": {}}).at(1).wait("a", "timeout", "panda01 has not sent it")
    story.case("a", "multinode-wait-ready", "fail")
    assert told(story.events)[0] == (3, "a", "lava-wait ready")
    assert len(told(story.end("a", "fail", "multinode", "x").events)) == 1


def test_board_that_dies_while_it_waits_has_failed_of_that(story):
    """Its call ends a moment before its action does, and is no failure of its own."""
    reason = "a closed its connection before the reply"
    story.start({"a": {}, "b": {}}).at(1).wait("a", "refused", reason, cause="caller-gone")
    assert told(story.events)[0] == (3, "a", "lava-wait ready")
    story.at(3.1).action("a", status="error", error="kernel panic")
    assert told(story.events)[0] == (3.1, "a", "lava_test_shell")


def test_cut_off_run_names_its_nodes(story):
    """Unfinished nodes are failures at the time of the last event."""
    assert told(story.start({"a": {}}).at(4).add("step", node="a", text="x").events) == [
        (4, "a", "the run was cut off before this node had finished")
    ]


def test_failed_waits_are_listed_before_completed_ones(story):
    """Failed waits come before long ones."""
    story.start().wait("panda02", "done").wait("beaglexm01", "never", "panda01 failed")
    results = Results.of(story.events)
    assert [wait.node for wait in find_waits_for(results, "panda01")] == ["beaglexm01"]
    assert find_waits_for(results, "panda02") == []


def test_waits_for_many_nodes_are_found_too(story):
    """An event names 20 of those that are waited for at most; the group may be larger."""
    names = [f"p{number:02}" for number in range(30)]
    story.start({name: {"role": "peer"} for name in names})
    call = {"api": "sync", "id": "a", "role": None}
    story.message("p00", "a").message("p28", "a")
    story.at(1).add("wait_started", node="p00", missing=names[1:21], missing_more=8, **call)
    never = {"asked": 1.0, "outcome": "never", "reason": "p29 failed"}
    results = Results.of(story.at(2).add("wait_finished", node="p00", **call, **never).events)
    assert [wait.node for wait in find_waits_for(results, "p29")] == ["p00"]
    assert find_waits_for(results, "p28") == []


@given(st.data())
def test_any_events_have_failures_in_order(event_lists, data):
    """Any kinds, any order, cut anywhere."""
    found = find_failures(Results.of(data.draw(event_lists)))
    assert [f.time for f in found] == sorted(f.time for f in found)


LONG = "no device of the group has the role 'servers'; its roles: client and server"


def shared(story, *reasons):
    """Return the sentences that nodes share which failed for these reasons."""
    story.start({f"p{number}": {} for number in range(len(reasons))})
    for number, reason in enumerate(reasons):
        story.wait(f"p{number}", "refused", reason)
    return SharedReasons(Results.of(story.events))


def test_sentence_of_many_is_cut_behind_its_first_words(story):
    """A row keeps the first words of the reason, and the call before it."""
    said = shared(story, LONG, LONG)
    assert said.split(f"lava-wait x: {LONG}") == ("lava-wait x: ", LONG)
    short = "no device of the group has the role 's.."
    assert said.shorten(f"lava-wait x: {LONG}") == f"lava-wait x: {short}"
    assert said.shorten(LONG) == short


def test_a_reason_of_one_node_is_never_cut(story):
    """A reason of one node, and a short one, are never cut."""
    assert shared(story, LONG, "panda01 failed", "panda01 failed").shorten(LONG) == LONG


def test_a_short_reason_is_never_cut(story):
    """A short reason is never cut."""
    assert shared(story, "p9 failed: panic", "p9 failed: panic").shorten("p9 failed: panic") == (
        "p9 failed: panic"
    )
