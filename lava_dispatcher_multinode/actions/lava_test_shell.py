"""`lava_test_shell`: run test definitions on the board and collect the results."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, ClassVar

from ..errors import ActionTimeout, InfrastructureError, TestError
from ..job.model import Calls
from ..overlay.layout import run_name, runner_command
from ..overlay.syntax import check_steps
from ..testshell.case_results import ResultRecorder
from ..testshell.matcher import Pattern
from ..testshell.session import ShellSession
from .action import Action
from .overlay import deliver_overlay

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ..errors import Problem
    from ..job.model import ActionSpec
    from ..overlay.definition import TestDefinition
    from ..overlay.load import Definition
    from .action import CheckContext, LavaWriter
    from .context import Node

_SOURCE = {
    "revision": {"type": "string", "description": "Commit, tag or branch."},
    "branch": {"type": "string", "description": "Branch."},
    "testdef": {
        "type": "string",
        "description": "The definition's path in the repository (default: lavatest.yaml).",
    },
    "name": {"type": "string", "description": "Name of the definition in the results."},
    "parameters": {"type": "object", "description": "Shell variables for the definition."},
    "expected": {
        "type": "array",
        "items": {"type": "string"},
        "description": "The expected test cases; a missing case and an unexpected case fail.",
    },
}


class LavaTestShell(Action):
    """Boots the board if necessary, delivers the overlay and runs lava-test-runner."""

    parameters_schema: ClassVar[Mapping[str, Any]] = {
        "type": "object",
        "additionalProperties": False,
        "anyOf": [
            {"required": ["testdef_repos"]},
            {"required": ["testdef_urls"]},
            {"required": ["definitions"]},
        ],
        "properties": {
            "testdef_repos": {
                "type": "array",
                "minItems": 1,
                "description": "Definitions in repositories or directories.",
                "items": {
                    "type": "object",
                    "additionalProperties": False,
                    "oneOf": [{"required": ["git-repo"]}, {"required": ["tar-repo"]}],
                    "properties": {
                        "git-repo": {
                            "type": "string",
                            "description": "A git URL, or a directory relative to the job.",
                        },
                        "tar-repo": {
                            "type": "string",
                            "description": "A tarball: path, URL or base64 of it.",
                        },
                        **_SOURCE,
                    },
                },
            },
            "testdef_urls": {
                "type": "array",
                "minItems": 1,
                "items": {"type": "string"},
                "description": "Definitions by URL or path, one file each.",
            },
            "definitions": {
                "type": "array",
                "minItems": 1,
                "items": {"type": "object"},
                "description": "Definitions written in the job itself.",
            },
        },
    }
    boots = True
    deploys = False
    calls = Calls.TESTS

    def run(self, node: Node, parameters: Mapping[str, Any]) -> None:
        """Run the definitions of the action; results are events."""
        del parameters  # the overlay store has them, with their positions in the job file
        stage = node.stages
        node.stages += 1
        with ExitStack() as unheard:
            unheard.callback(self.skip, node)
            if not node.booted:
                node.board.boot(node.deadline)
                node.booted = True
            node.board.require_root()
            with node.board.watched(), node.board.console.lossless():
                deliver_overlay(node)
                node.step("running tests")
                session = ShellSession(
                    node.board.console,
                    node=node.name,
                    submit=node.group_client.submit,
                    emit=node.services.emit,
                    clock=node.services.clock,
                    fifo=node.board.device.connection.fifo,
                    silence=node.board.device.silence,
                    login_prompt=node.board.device.login.prompt,
                )
                tests = _by_run(node.services.overlays.definitions(node.spec))
                command = runner_command(node.services.job_id, stage, node.board.root)
                unheard.pop_all()  # from here on the session records what is missing
                try:
                    with node.services.socket_channels.subscribed(
                        node.name, session.record_socket_call
                    ):
                        begun = session.run(
                            command,
                            node.deadline.at,
                            {
                                name: Pattern.compile(test.pattern, test.fixupdict)
                                for name, test in tests.items()
                                if test.pattern
                            },
                            {name: test.fixupdict for name, test in tests.items()},
                            {name: test.expected for name, test in tests.items()},
                        )
                except ActionTimeout as error:
                    # A test that hangs is a test failure, not an infrastructure error.
                    raise TestError(
                        f"the tests did not finish within {node.deadline}: {error}"
                    ) from error
                if missing := [name for name in tests if name not in begun]:
                    # For example, the disk is full or read-only, or no process can be started.
                    lines = ["last lines of the console:", *node.board.console.tail()]
                    text = f"lava-test-runner exited without running {', '.join(missing)}"
                    raise InfrastructureError("\n    ".join([text, *lines]))

    def check(self, spec: ActionSpec, context: CheckContext) -> Iterable[Problem]:
        """Return the problems of the test definitions and of their shell code."""
        found = context.overlays.definitions(spec, remote=context.run_here)
        return [problem for definition in found for problem in check_steps(definition.test)]

    def export(self, spec: ActionSpec, writer: LavaWriter) -> None:
        """Write a test block."""
        writer.test(spec)

    def skip(self, node: Node) -> None:
        """Record the expected cases of the definitions as missing."""
        tests = _by_run(node.services.overlays.definitions(node.spec))
        expected = {name: test.expected for name, test in tests.items()}
        ResultRecorder(
            node.name, node.services.emit, node.services.clock, expected=expected
        ).record_missing()


def _by_run(definitions: Sequence[Definition]) -> dict[str, TestDefinition]:
    """Return the test definitions by the names of their runs."""
    return {run_name(index, each.test.name): each.test for index, each in enumerate(definitions)}
