"""`lava_test_shell` on a real shell, whose terminal is the console, with the real scripts."""

from __future__ import annotations

import contextlib
import time
from types import SimpleNamespace

import jsonschema
import pytest

from lava_dispatcher_multinode.actions.context import Node, NodeServices
from lava_dispatcher_multinode.actions.lava_test_shell import LavaTestShell
from lava_dispatcher_multinode.actions.socket_channel import SocketChannels
from lava_dispatcher_multinode.boards.shell import Shell
from lava_dispatcher_multinode.console.board_console import Console
from lava_dispatcher_multinode.console.expect import Dialogue
from lava_dispatcher_multinode.console.open import open_console
from lava_dispatcher_multinode.console.transcript import Transcript
from lava_dispatcher_multinode.deadline import Deadline
from lava_dispatcher_multinode.errors import BootError, InfrastructureError, TestError
from lava_dispatcher_multinode.job.model import ActionSpec, Job, Role
from lava_dispatcher_multinode.lab.device_model import Device
from lava_dispatcher_multinode.lab.device_sections import ConsoleConnection
from lava_dispatcher_multinode.overlay.overlay_store import OverlayStore


class Board:
    """A shell on this machine; its root is a directory."""

    def __init__(self, directory):
        self.root = str(directory / "root")
        (directory / "root" / "tmp").mkdir(parents=True)
        transcript = Transcript(directory / "console", time.monotonic)
        connection = ConsoleConnection(command="stty sane; exec sh -i")
        self.console = Console(open_console(connection, "b1"), transcript)
        self.device = Device("b1", "panda", overlay=("console",))
        self.shell = Shell(Dialogue(self.console), Deadline(60, "test"))
        self.boots = 0
        self.failure = None

    def boot(self, deadline):
        """Start the shell, or fail."""
        del deadline
        if self.failure:
            raise self.failure
        self.boots += 1
        self.shell.prepare()

    def require_root(self):
        """Accept the current user as root."""

    def watched(self):
        """Watch for nothing."""
        return contextlib.nullcontext()


@pytest.fixture
def make_node(tmp_path):
    """A function that makes a node of a job with one lava_test_shell."""
    boards = []

    def make(*definitions):
        board = Board(tmp_path)
        boards.append(board)
        spec = ActionSpec("lava_test_shell", {"definitions": list(definitions)})
        job = Job("job", 60, (Role("r"),), (spec,))
        events = []
        services = NodeServices(
            job,
            "1",
            [("b1", "r")],
            None,
            OverlayStore(tmp_path / "overlays", job, "1"),
            lambda event, /, **fields: events.append((event, fields)),
            time.monotonic,
            SocketChannels(lambda *_, **__: None, time.monotonic),
            lambda *_: None,
        )
        client = SimpleNamespace(submit=lambda call, answer: None)
        node = Node("b1", "r", board, client, services, spec, Deadline(60, "test"))
        node.events = events
        return node

    yield make
    for board in boards:
        board.console.close()


def definition(name, *steps, **more):
    """Return a test definition."""
    return {"metadata": {"name": name}, "run": {"steps": list(steps)}, **more}


def cases(node):
    """Return the results of the node as (definition, case, result)."""
    return [
        (fields["definition"], fields["case"], fields["result"])
        for event, fields in node.events
        if event == "test_case"
    ]


def test_definitions_run_in_order_and_results_are_events(make_node):
    """Each under its number and name, with its own pattern, fixups and expected cases."""
    node = make_node(
        definition("one", "lava-test-case a --shell true", "lava-test-case b --shell false"),
        definition(
            "two",
            "echo 'c: good'",
            parse={
                "pattern": "^(?P<test_case_id>c): (?P<result>good)$",
                "fixupdict": {"good": "pass"},
            },
            expected=["c", "d"],
        ),
    )
    LavaTestShell().run(node, {})
    assert cases(node) == [
        ("0_one", "a", "pass"),
        ("0_one", "b", "fail"),
        ("1_two", "c", "pass"),
        ("1_two", "d", "fail"),
    ]
    assert ("step", {"node": "b1", "text": "running tests"}) in node.events
    assert (node.board.boots, node.booted, node.stages) == (1, True, 1)


def test_a_board_that_is_up_is_not_booted(make_node):
    """boot_linaro_image or an earlier action has booted it."""
    node = make_node(definition("one", "lava-test-case a --shell true"))
    node.board.boot(None)
    node.booted = True
    LavaTestShell().run(node, {})
    assert node.board.boots == 1
    assert cases(node) == [("0_one", "a", "pass")]


def test_a_board_that_does_not_boot_misses_what_was_expected(make_node):
    """No test has run, and each expected case fails."""
    node = make_node(definition("one", "true", expected=["a", "b"]), definition("two", "true"))
    node.board.failure = BootError("no prompt")
    with pytest.raises(BootError, match="no prompt"):
        LavaTestShell().run(node, {})
    assert cases(node) == [("0_one", "a", "fail"), ("0_one", "b", "fail")]
    assert (node.booted, node.stages) == (False, 1)


def test_tests_that_do_not_end_have_failed(make_node):
    """A hanging test is a test failure; the message has the limit."""
    node = make_node(definition("one", "sleep 600"))
    node.step = lambda _text: setattr(node, "deadline", Deadline(0.5, "test"))
    with pytest.raises(TestError, match="^the tests did not finish within "):
        LavaTestShell().run(node, {})


def test_a_runner_that_ends_early_is_no_pass(make_node):
    """The message names the definitions that have not run, and shows the last console lines."""
    gone = "echo last words; : > ../../lava-test-runner.conf.started"
    node = make_node(definition("one", gone), definition("two", "true"))
    with pytest.raises(InfrastructureError) as caught:
        LavaTestShell().run(node, {})
    assert "lava-test-runner exited without running 1_two" in str(caught.value)
    assert "last words" in str(caught.value)


@pytest.mark.parametrize(
    ("parameters", "right"),
    [
        ({}, False),
        ({"definitions": []}, False),
        ({"definitions": [{}]}, True),
        ({"testdef_urls": ["u"]}, True),
        ({"testdef_repos": [{"git-repo": "u"}]}, True),
        ({"testdef_repos": [{"git-repo": "u", "tar-repo": "v"}]}, False),
        ({"testdef_repos": [{}]}, False),
        ({"testdef_repos": [{"git-repo": "u", "expected": "a"}]}, False),
        ({"definitions": [{}], "definition": []}, False),
    ],
)
def test_what_the_action_takes(parameters, right):
    """A misspelt key, a missing source and a second source are found before anything runs."""
    validator = jsonschema.Draft202012Validator(LavaTestShell.parameters_schema)
    assert validator.is_valid(parameters) is right
