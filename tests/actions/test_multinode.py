"""The dispatcher's own calls, with a real coordinator."""

from __future__ import annotations

import threading
from contextlib import contextmanager, nullcontext

import jsonschema
import pytest

from lava_dispatcher_multinode.actions.multinode import Multinode
from lava_dispatcher_multinode.coordinator.client import GroupClient
from lava_dispatcher_multinode.coordinator.server import Coordinator
from lava_dispatcher_multinode.errors import BoardDied, Cancelled, WaitFailed


@pytest.fixture
def group():
    """A coordinator for two nodes, with a client for each."""
    with (
        Coordinator(group="g", nodes={"b1": "r", "b2": "s"}, timeout=30) as coordinator,
        GroupClient(coordinator.address, group="g", node="b1", role="r") as one,
        GroupClient(coordinator.address, group="g", node="b2", role="s") as two,
    ):
        yield coordinator, one, two


def test_send_and_wait(make_node, group, events):
    """Data that one node's action sends appears in the other's log; both calls are test cases."""
    _, one, two = group
    message = {"speed": 9, "on": True, "word": "a b"}
    Multinode().run(
        make_node("b1", client=one),
        {"request": "lava-send", "message_id": "Go", "message": message},
    )
    Multinode().run(make_node("b2", client=two), {"request": "lava-wait", "message_id": "Go"})
    logged = [fields["text"] for event, fields in events if event == "log"]
    assert logged == [
        "lava-wait Go: b1:speed=9",
        "lava-wait Go: b1:on=true",
        "lava-wait Go: b1:word=a b",
    ]
    cases = [(f["case"], f["result"]) for event, f in events if event == "test_case"]
    assert cases == [("multinode-send-go", "pass"), ("multinode-wait-go", "pass")]


def test_a_call_that_cannot_be_satisfied_fails_the_action(make_node, group, events):
    """The reason is the coordinator's."""
    coordinator, one, _ = group
    coordinator.node_failed("b2", "kernel panic")
    with pytest.raises(WaitFailed, match="^lava-wait-all x s: b2 failed: kernel panic$"):
        Multinode().run(
            make_node("b1", client=one),
            {"request": "lava-wait-all", "message_id": "x", "waitrole": "s"},
        )
    assert [f["result"] for event, f in events if event == "test_case"] == ["fail"]


def test_the_action_s_deadline_is_the_call_s(make_node, group):
    """No call lasts longer than its action."""
    _, one, _ = group
    with pytest.raises(WaitFailed, match="lava-sync x"):
        Multinode().run(
            make_node("b1", client=one, seconds=0.2), {"request": "lava-sync", "message_id": "x"}
        )


def test_an_interrupted_run_ends_the_wait(make_node, group):
    """Ctrl-C is not reported as a failed wait."""
    coordinator, one, _ = group
    node = make_node("b1", client=one)

    def interrupt():
        node.services.cancelled.set()
        coordinator.abort("interrupted")

    threading.Timer(0.1, interrupt).start()
    with pytest.raises(Cancelled):
        Multinode().run(node, {"request": "lava-sync", "message_id": "x"})


def test_a_board_that_dies_ends_the_wait(make_node, group):
    """No reader waits on its console at the time; its death still ends the node."""
    _, one, _ = group
    node = make_node("b1", client=one)

    class Console:
        """Dies as soon as it is watched."""

        @contextmanager
        def when_dead(self, callback):
            """As `board_console.Console`."""
            callback(BoardDied("Kernel panic"))
            yield

    node.board.shell = object()
    node.board.console = Console()
    node.board.watched = lambda doing: nullcontext()
    with pytest.raises(BoardDied, match="Kernel panic"):
        Multinode().run(node, {"request": "lava-sync", "message_id": "x"})


@pytest.mark.parametrize(
    ("parameters", "place", "rule"),
    [
        ({"request": "lava-self", "message_id": "x"}, ["request"], "enum"),
        ({"request": "lava-send"}, [], "required"),
        ({"request": "lava-send", "message_id": "two words"}, ["message_id"], "pattern"),
        (
            {"request": "lava-send", "message_id": "x", "message": {"bad key": 1}},
            ["message"],
            "pattern",
        ),
        (
            {"request": "lava-send", "message_id": "x", "message": {"k": [1]}},
            ["message", "k"],
            "type",
        ),
        (
            {"request": "lava-wait", "message_id": "x", "message": {"k": "v"}},
            ["message"],
            "not",
        ),
        ({"request": "lava-sync", "message_id": "x", "waitrole": "r"}, ["waitrole"], "not"),
    ],
)
def test_the_schema_refuses_what_the_api_does(parameters, place, rule):
    """Mistakes are found before a board is used, each with its own message."""
    with pytest.raises(jsonschema.ValidationError) as caught:
        jsonschema.validate(parameters, Multinode.parameters_schema)
    assert ([*caught.value.absolute_path], caught.value.validator) == (place, rule)
