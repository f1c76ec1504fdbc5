"""results.json: the results as a JSON document; results.schema.json is its schema."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from . import verdict
from .inputs import NO_INPUTS

if TYPE_CHECKING:
    from .inputs import ReportInputs
    from .results import Results
    from .run_model import ActionRecord, CaseRecord, NodeRecord, WaitRecord

FORMAT = 1


def render(results: Results, inputs: ReportInputs = NO_INPUTS) -> str:
    """Return the document as text, with the changes since another run if there is one."""
    document = build_document(results)
    if inputs.before is not None:
        from .changes import find_changes, sentence_text

        changes = find_changes(inputs.before, results)
        document["changes"] = [sentence_text(change) for change in changes]
    return json.dumps(document, indent=1, allow_nan=False) + "\n"


def build_document(results: Results) -> dict[str, Any]:
    """Return the content of results.json for `results`."""
    code = verdict.exit_code(results)
    return {
        "format": FORMAT,
        "job": dict(results.job),
        "started": results.started,
        "finished": results.finished,
        "status": verdict.status_of(code),
        "exit_code": int(code),
        "nodes": {name: _node(node, results.last) for name, node in results.nodes.items()},
        "messages": [
            {"id": m.id, "from": m.sender, "data": m.data, "time": m.time}
            for m in results.messages
        ],
        "waits": [_wait(wait) for wait in results.waits],
    }


def schema() -> dict[str, Any]:
    """Return the JSON Schema of the document."""
    from importlib.resources import files

    text = files(__package__).joinpath("results.schema.json").read_text("utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded


def _node(node: NodeRecord, now: float) -> dict[str, Any]:
    judged = verdict.of_node(node)
    actions = sorted(node.actions.values(), key=lambda action: action.index)
    return {
        "role": node.role,
        "device_type": node.device_type,
        "status": judged.status,
        "error_type": judged.error_type,
        "error": judged.error,
        "actions": [_action(action, now) for action in actions],
        "results": [_case(case) for case in node.cases],
    }


def _action(action: ActionRecord, now: float) -> dict[str, Any]:
    if action.status is None:
        seconds = None if action.started is None else round(now - action.started, 6)
        error = "the run was cut off during this action"
        return {"command": action.command, "status": "error", "seconds": seconds, "error": error}
    return {
        "command": action.command,
        "status": action.status,
        "seconds": action.seconds,
        "error": action.error,
    }


def _case(case: CaseRecord) -> dict[str, Any]:
    return {
        "definition": case.definition,
        "case": case.case,
        "result": case.result,
        "measurement": case.measurement,
        "units": case.units,
        "set": case.set,
        "start": case.start,
        "end": case.end,
    }


def _wait(wait: WaitRecord) -> dict[str, Any]:
    return {
        "node": wait.node,
        "api": wait.api,
        "id": wait.id,
        "asked": wait.asked,
        "answered": wait.answered,
        "outcome": wait.outcome,
    }
