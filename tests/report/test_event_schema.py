"""The schema of events.jsonl agrees with the documents and with real runs."""

import json
import re
from importlib.resources import files
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from lava_dispatcher_multinode.job.model import RESULTS
from lava_dispatcher_multinode.multinode.api import Api, Cause, Status
from lava_dispatcher_multinode.multinode.transitions import CALL_TRANSITIONS, STATUS
from lava_dispatcher_multinode.report.document import schema

SCHEMA = json.loads(
    files("lava_dispatcher_multinode.report").joinpath("events.schema.json").read_text()
)
STATUS_OF = {cause: STATUS.get(state) for (_, cause), state in CALL_TRANSITIONS.items()}
DOCUMENT = Path(__file__).parents[2] / "docs" / "reference" / "events.md"
FIELDS = {
    part["if"]["properties"]["event"]["const"]: set(part["then"]["properties"])
    for part in SCHEMA["allOf"]
}


def documented():
    """Return the kinds of the document's table with the words in backquotes beside them."""
    for line in DOCUMENT.read_text().partition("## Kinds")[2].partition("\n## ")[0].splitlines():
        match = re.match(r"\| (`[^|]*`) \|(.*)\|", line)
        for kind in re.findall(r"`(\w+)`", match[1]) if match else ():
            yield kind, set(re.findall(r"`(\w+)`", match[2]))


def test_every_documented_kind_and_field_has_a_schema():
    """And the other way round."""
    table = dict(documented())
    assert set(table) == set(FIELDS)
    for kind, fields in FIELDS.items():
        assert fields <= table[kind], kind


def test_the_schemas_have_the_package_s_words_for_results():
    """JSON cannot import them; a word that is added has to be there, too."""
    kinds = {part["if"]["properties"]["event"]["const"]: part["then"] for part in SCHEMA["allOf"]}
    words = schema()["$defs"]["result"]["properties"]["result"]["enum"]
    assert kinds["test_case"]["properties"]["result"]["enum"] == words == list(RESULTS)


def test_the_schema_has_the_calls_and_causes_of_the_rules():
    """The table of the calls, and the causes with which the coordinator ends one."""
    kinds = {part["if"]["properties"]["event"]["const"]: part["then"] for part in SCHEMA["allOf"]}
    waiting = [api.value for api in Api if api.spec.waits]
    for kind in ("wait_started", "wait_finished"):
        assert kinds[kind]["properties"]["api"]["enum"] == waiting
    ended = kinds["wait_finished"]["properties"]
    assert ended["outcome"]["enum"] == list(Status)
    causes = [cause for cause in Cause if STATUS_OF.get(cause)]
    assert ended["cause"]["enum"] == causes
    documented_causes = DOCUMENT.read_text().partition("## Causes")[2].partition("\n## ")[0]
    assert re.findall(r"(?m)^\| `([a-z-]+)` \| (\w+)", documented_causes) == [
        (cause, STATUS_OF[cause]) for cause in causes
    ]


def test_a_run_is_valid(whole_story):
    """The events of the other tests are valid."""
    validator = Draft202012Validator(SCHEMA)
    for event in whole_story:
        validator.validate(event)


@pytest.mark.parametrize(
    "event",
    [
        {"event": "step"},
        {"t": 1, "event": "step", "node": "a"},
        {"t": 1, "event": "test_case", "node": "a", "definition": "d", "case": "c"},
    ],
)
def test_event_that_lacks_something_is_not(event):
    """A time, and what its kind needs."""
    assert not Draft202012Validator(SCHEMA).is_valid(event)
