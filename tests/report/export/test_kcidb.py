"""The KCIDB submission, checked by KCIDB's own schema."""

import json

import kcidb_io
from hypothesis import given
from hypothesis import strategies as st

from lava_dispatcher_multinode.report.consoles import Consoles
from lava_dispatcher_multinode.report.export import kcidb
from lava_dispatcher_multinode.report.inputs import Origin, ReportInputs
from lava_dispatcher_multinode.report.results import Results


def rendered(events, directory=None, origin=None):
    """Return the submission, found valid."""
    inputs = ReportInputs(Consoles(directory), origin=origin or Origin())
    text = kcidb.render(Results.of(events), inputs)
    document = json.loads(text)
    assert kcidb_io.schema.LATEST.is_valid_exactly(document), text
    return document


def by_path(events):
    """Return the statuses of the tests by node and path."""
    return {
        (test["environment"]["comment"], test["path"]): test["status"]
        for test in rendered(events)["tests"]
    }


def test_statuses_tell_code_from_lab(whole_story):
    """A failed case is the code's doing; a board that died kept tests from running."""
    found = by_path(whole_story)
    assert found["panda01", "0_smoke.ping"] == "PASS"
    assert found["panda02", "0_smoke.net.iperf_b_"] == "FAIL"
    assert found["panda02", "0_smoke.usb"] == "SKIP"
    assert found["beaglexm01", "lava.lava_test_shell"] == "MISS"
    assert found["beaglexm01", "lava.deploy_linaro_image"] == "PASS"


def test_facts_of_a_case(whole_story, tmp_path):
    """A case has its measurement, time, board, console excerpt and the given build."""
    log = tmp_path / "nodes" / "panda02" / "console.log"
    log.parent.mkdir(parents=True)
    log.write_text("[    5.900000] refused\n")
    origin = Origin("my_lab", "maestro:42")
    tests = rendered(whole_story, tmp_path, origin)["tests"]
    measured = next(test for test in tests if "number" in test)
    assert measured["number"] == {"value": 3.5, "unit": "ms"}
    assert measured["start_time"] == "2026-11-22T14:00:05+00:00"
    assert measured["duration"] == 0.25
    assert measured["environment"]["misc"] == {"role": "server", "device_type": "panda"}
    failed = next(test for test in tests if test["status"] == "FAIL")
    assert failed["log_excerpt"].endswith("refused")
    assert {test["build_id"] for test in tests} == {"maestro:42"}
    assert len({test["id"] for test in tests}) == len(tests)


@given(st.data())
def test_any_events_make_a_valid_submission(event_lists, data):
    """Any kinds, any order, cut anywhere, any characters."""
    rendered(data.draw(event_lists))
