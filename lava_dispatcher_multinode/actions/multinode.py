"""`multinode`: one call of the MultiNode API by the dispatcher, on the node's behalf."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, ClassVar

from ..errors import INTERRUPTED, BoardDied, Cancelled, InfrastructureError, WaitFailed
from ..job.hints import join_words
from ..job.model import Calls
from ..multinode import reasons
from ..multinode.api import Api, Call, Outcome, Status, commands
from .action import Action
from .socket_channel import record_call

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..job.model import ActionSpec
    from .action import LavaWriter
    from .context import Node

#: Seconds that an answer may take beyond the timeout of its call, on a busy host.
ANSWER_GRACE_S = 60.0

REQUESTS = {api.command: api for api in Api}


def _only(key: str, requests: Sequence[str]) -> Mapping[str, Any]:
    """Return a schema that allows `key` with these requests only."""
    text = f"'{key}' is only allowed with {join_words(requests)}"
    return {
        "if": {"properties": {"request": {"enum": sorted({*REQUESTS} - {*requests})}}},
        "then": {"properties": {key: {"not": {}, "errorMessage": text}}},
    }


class Multinode(Action):
    """Holds every board before power-on, publishes an address after boot, and the like."""

    parameters_schema: ClassVar[Mapping[str, Any]] = {
        "type": "object",
        "required": ["request", "message_id"],
        "additionalProperties": False,
        "properties": {
            "request": {"enum": sorted(REQUESTS), "description": "The call."},
            "message_id": {
                "type": "string",
                "pattern": r"^\S{1,256}$",
                "description": "The message's ID: one word without white space.",
            },
            "message": {
                "type": "object",
                "propertyNames": {
                    "pattern": "^[A-Za-z0-9_.-]+$",
                    "description": "Letters, digits, '_', '.' and '-'.",
                },
                "additionalProperties": {"type": ["string", "number", "boolean"]},
                "description": "Key-value data of a lava-send.",
            },
            "waitrole": {
                "type": "string",
                "format": "role",
                "description": "lava-wait-all: only the devices of this role.",
            },
        },
        "allOf": [
            _only("message", commands(sending=True)),
            _only("waitrole", commands(taking="role")),
        ],
    }

    deploys = False
    calls = Calls.OWN

    def export(self, spec: ActionSpec, writer: LavaWriter) -> None:
        """Write the call beside a boot block, or as a test that makes it."""
        writer.call(spec)

    def run(self, node: Node, parameters: Mapping[str, Any]) -> None:
        """Make the call; `WaitFailed` unless it is done."""
        api = REQUESTS[parameters["request"]]
        call = Call(
            api,
            parameters["message_id"],
            {key: _text(value) for key, value in parameters.get("message", {}).items()},
            role=parameters.get("waitrole"),
            timeout=max(node.deadline.within(node.deadline.seconds), 0.001),
        )
        what = reasons.command(call)
        node.step(what)
        started = node.services.clock()
        outcome = self._call(node, call)
        record_call(node.services.emit, node.name, call, outcome, started, node.services.clock())
        if outcome.status is not Status.DONE:
            raise WaitFailed(reasons.sentence(call, outcome))
        for sender, data in outcome.data:
            for key, value in data.items():
                node.log("INFO", f"{what}: {sender}:{key}={value}")

    def _call(self, node: Node, call: Call) -> Outcome:
        done = threading.Event()
        answers: list[Outcome] = []

        def answered(outcome: Outcome) -> None:
            answers.append(outcome)
            done.set()

        deaths: list[BoardDied] = []

        def died(death: BoardDied) -> None:
            deaths.append(death)
            done.set()

        board = node.board
        with ExitStack() as stack:
            if board.shell is not None:  # no action reads its console meanwhile
                stack.enter_context(board.watched(f"while {call.api.value} was waited for"))
                stack.enter_context(board.console.when_dead(died))
            node.group_client.submit(call, answered)
            # The coordinator holds the deadline, and answers when the run is cancelled.
            if not done.wait((call.timeout or 0.0) + ANSWER_GRACE_S):
                raise InfrastructureError(
                    f"no answer from the coordinator {ANSWER_GRACE_S:g} s after the timeout "
                    f"of the call ({node.deadline})"
                )
            if deaths:
                raise deaths[0]
        if node.services.cancelled.is_set():
            raise Cancelled(INTERRUPTED)
        return answers[0]


def _text(value: str | float | bool) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
