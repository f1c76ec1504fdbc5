"""The fold of events to the facts of a run."""

import time

from lava_dispatcher_multinode.report.document import build_document
from lava_dispatcher_multinode.report.results import Results


def test_facts_of_a_whole_run(whole_story):
    """Every kind of event leaves its trace in the right place."""
    results = Results.of(whole_story)
    assert results.job == {"name": "ping", "id": "42", "file": "ping.json"}
    assert list(results.nodes) == ["panda01", "panda02", "beaglexm01"]
    panda = results.nodes["panda02"]
    assert (panda.role, panda.device_type) == ("client", "panda")
    assert [case.result for case in panda.cases] == ["pass", "fail", "skip"]
    assert [a.command for a in panda.actions.values()] == [
        "deploy_linaro_image",
        "lava_test_shell",
    ]
    assert results.messages[0].data == {"ip": "10.0.0.1"}
    assert results.over
    assert results.last == 9


def test_each_of_two_calls_has_its_own_reply(story):
    """Two calls of one node at once are two waits, each with its own answer."""
    story.start().at(1).add("wait_started", node="panda02", api="wait", id="a", role=None)
    story.at(2).add("wait_started", node="panda02", api="sync", id="a", role=None)
    fields = {"node": "panda02", "id": "a", "role": None, "reason": ""}
    story.at(3).add("wait_finished", api="sync", asked=2, outcome="timeout", **fields)
    story.at(4).add("wait_finished", api="wait", asked=1, outcome="done", **fields)
    first, second = Results.of(story.events).waits
    assert (first.api, first.asked, first.answered, first.outcome) == ("wait", 1, 4, "done")
    assert (second.api, second.asked, second.answered, second.outcome) == (
        "sync",
        2,
        3,
        "timeout",
    )


def test_repeated_call_keeps_both_answers(story):
    """A second call with the same ID is a separate wait."""
    story.start().wait("panda02", api="sync").at(5).wait("panda02", api="sync")
    waits = Results.of(story.events).waits
    assert [(w.asked, w.answered) for w in waits] == [(0, 2), (5, 7)]


def test_result_of_a_call_begins_when_it_was_asked(story):
    """How long a board waited is a result's time, too; each result has its own call's."""
    call = {"case": "multinode-wait_all-ready", "definition": "0_smoke"}
    story.start().at(1).wait("panda02", api="wait-all", id="Ready")
    story.case("panda02", end=3.0, **call)
    story.at(4).wait("panda02", api="wait-all", id="Ready").case("panda02", end=6.5, **call)
    story.case("panda02", end=7.0, **call).case("panda02", end=7.0)
    node = Results.of(story.events).nodes["panda02"]
    assert [(c.start, c.end, c.of_wait) for c in node.cases] == [
        (1, 3.0, True),
        (4, 6.5, True),
        (None, 7.0, False),
        (None, 7.0, False),
    ]


def test_result_may_stand_before_its_answer(story):
    """A result before its answer belongs to the open call; no time is negative."""
    story.start().at(3).add("wait_started", node="panda02", api="sync", id="go", role=None)
    story.at(2).case("panda02", "multinode-sync-go", end=2.0)
    (case,) = Results.of(story.events).nodes["panda02"].cases
    assert (case.start, case.end) == (2.0, 2.0)


def test_unknown_kinds_are_passed_over(story):
    """Unknown events are ignored."""
    story.start().add("telepathy", node="panda01")
    assert build_document(Results.of(story.events))["nodes"].keys() == {
        "panda01",
        "panda02",
        "beaglexm01",
    }


def test_feeding_does_not_slow_down_with_what_is_there(story):
    """10000 cases of 40 nodes are folded in time proportional to their number."""
    story.start({f"panda{n:02}": {"role": "r", "device_type": "panda"} for n in range(40)})
    for number in range(10000):
        story.case(f"panda{number % 40:02}", f"case{number}")
    began = time.process_time()
    results = Results.of(story.events)
    assert sum(len(node.cases) for node in results.nodes.values()) == 10000
    assert time.process_time() - began < 2  # it takes 0.05 s; a quadratic fold takes minutes
