"""results.json against its schema and the documentation."""

import json

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lava_dispatcher_multinode.report.document import build_document, schema
from lava_dispatcher_multinode.report.results import Results

VALIDATOR = jsonschema.Draft202012Validator(schema())


def test_schema_is_a_schema():
    """The file that ships is itself valid."""
    jsonschema.Draft202012Validator.check_schema(schema())


def test_document_of_a_whole_run(whole_story):
    """The promised document, key by key."""
    document = build_document(Results.of(whole_story))
    VALIDATOR.validate(document)
    nodes = document.pop("nodes")
    assert document == {
        "format": 1,
        "job": {"name": "ping", "id": "42", "file": "ping.json"},
        "started": "2026-11-22T14:00:00Z",
        "finished": "2026-11-22T14:01:00Z",
        "status": "error",
        "exit_code": 3,
        "messages": [{"id": "ready", "from": "panda01", "data": {"ip": "10.0.0.1"}, "time": 3}],
        "waits": [
            {
                "node": "panda02",
                "api": "wait",
                "id": "ready",
                "asked": 3,
                "answered": 5,
                "outcome": "done",
            }
        ],
    }
    assert nodes["panda01"] == {
        "role": "server",
        "device_type": "panda",
        "status": "pass",
        "error_type": None,
        "error": None,
        "actions": [
            {"command": "deploy_linaro_image", "status": "pass", "seconds": 1.5, "error": None},
            {"command": "lava_test_shell", "status": "pass", "seconds": 1.5, "error": None},
        ],
        "results": [
            {
                "definition": "0_smoke",
                "case": "ping",
                "result": "pass",
                "measurement": 3.5,
                "units": "ms",
                "set": None,
                "start": 5.0,
                "end": 5.25,
            }
        ],
    }
    assert nodes["beaglexm01"]["status"] == "error"
    assert nodes["beaglexm01"]["error"].startswith("lava_test_shell: kernel panic")


def test_cut_off_run_marks_the_running_action(story):
    """The action that was going on carries the mark and the time it had had."""
    story.start({"panda01": {}}).at(1).add(
        "action_started", node="panda01", index=0, command="boot_linaro_image"
    )
    story.at(4).add("step", node="panda01", text="waiting for the U-Boot prompt")
    document = build_document(Results.of(story.events))
    VALIDATOR.validate(document)
    assert document["status"] == "error"
    assert document["finished"] is None
    (action,) = document["nodes"]["panda01"]["actions"]
    assert action["status"] == "error"
    assert action["seconds"] == 3
    assert "cut off" in action["error"]
    assert "cut off" in document["nodes"]["panda01"]["error"]


def test_call_without_an_answer_is_there(story):
    """A cut-off run shows the open waits."""
    story.start().add("wait_started", node="panda02", api="wait", id="x", role=None, missing=[])
    (wait,) = build_document(Results.of(story.events))["waits"]
    assert wait["answered"] is None
    assert wait["outcome"] is None


@given(st.data())
def test_any_events_make_a_valid_document(event_lists, data):
    """Any kinds, any order, cut anywhere: the document keeps its promises."""
    events = data.draw(event_lists)
    document = build_document(Results.of(events))
    VALIDATOR.validate(document)
    json.dumps(document, allow_nan=False)
    failed = any(
        case["result"] == "fail" for node in document["nodes"].values() for case in node["results"]
    )
    stated = any(event["event"] == "job_finished" for event in events)
    if failed and not stated:
        assert document["exit_code"] not in {0, 5}


def test_schema_refuses_a_slip(whole_story):
    """The schema is tight enough to catch a word that is not in the vocabulary."""
    document = build_document(Results.of(whole_story))
    document["nodes"]["panda01"]["status"] = "passed"
    with pytest.raises(jsonschema.ValidationError):
        VALIDATOR.validate(document)
