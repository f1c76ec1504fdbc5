"""The SQUAD submission, by the rules that SQUAD's receiver documents."""

import json

from hypothesis import given
from hypothesis import strategies as st

from lava_dispatcher_multinode.report.export import squad
from lava_dispatcher_multinode.report.results import Results


def rendered(events):
    """Return the submission, checked against the rules of SQUAD."""
    document = json.loads(squad.render(Results.of(events)))
    assert "/" not in document["metadata"]["job_id"]
    assert document["metadata"]["job_id"]
    for metric in document["metrics"].values():
        assert type(metric["value"]) in {int, float}
    for name, test in document["tests"].items():
        assert not set("[] \n") & set(name)
        result = test if isinstance(test, str) else test["result"]
        assert result in {"pass", "fail", "skip", "unknown"}
    return document


def test_names_results_and_figures(whole_story):
    """Suite and test are parted by a slash; figures are metrics of the same name."""
    document = rendered(whole_story)
    assert document["tests"]["panda02/0_smoke/net/iperf_b_"]["result"] == "fail"
    assert document["tests"]["panda01/0_smoke/ping"] == {"result": "pass"}
    assert document["tests"]["beaglexm01/lava/lava_test_shell"] == "fail"
    assert document["metrics"] == {"panda01/0_smoke/ping": {"value": 3.5, "unit": "ms"}}
    assert document["metadata"]["job_id"] == "42"
    assert document["metadata"]["exit_code"] == 3


def test_case_that_was_run_again_is_there_twice(story):
    """The earlier result is not overwritten."""
    tests = rendered(story.start({"a": {}}).case("a", result="fail").case("a").events)["tests"]
    assert {name: test["result"] for name, test in tests.items()} == {
        "a/0_smoke/ping": "fail",
        "a/0_smoke/ping-2": "pass",
    }


@given(st.data())
def test_any_events_make_a_submission(event_lists, data):
    """Any kinds, any order, cut anywhere, any characters."""
    rendered(data.draw(event_lists))
