"""A run's coordinator, and the doors of its nodes."""

from __future__ import annotations

import time
from contextlib import ExitStack
from queue import SimpleQueue

import pytest

from lava_dispatcher_multinode import console_frames
from lava_dispatcher_multinode.actions.context import NodeServices
from lava_dispatcher_multinode.coordinator.client import GroupClient
from lava_dispatcher_multinode.job.model import Job, Role
from lava_dispatcher_multinode.lab.device_model import Connection, Device
from lava_dispatcher_multinode.multinode.api import Api, Call, Status
from lava_dispatcher_multinode.run.job_coordinator import open_coordinator

DEVICES = [
    Device("panda01", "panda", connection=Connection(simulated=True), multinode="socket"),
    Device("panda02", "panda"),
]


@pytest.fixture
def opened():
    """The coordinator of two boards: their members, their doors, what they share and record."""
    events = SimpleQueue()
    services = NodeServices(
        Job("job", 60, (Role("peer", 2),), ()),
        "1",
        [(device.name, "peer") for device in DEVICES],
        None,
        None,
        lambda event, /, **fields: events.put({"event": event, **fields}),
        time.monotonic,
    )
    with ExitStack() as stack:
        _, doors = open_coordinator(DEVICES, services, stack)

        def client(name):
            door = doors[name]
            return stack.enter_context(
                GroupClient(
                    door.address, group=door.group, node=name, role="peer", secret=door.secret
                )
            )

        def recorded(kind):
            """Return the next event of that kind: whoever waits is answered before it."""
            while (event := events.get(timeout=10))["event"] != kind:
                pass
            return event

        yield client, doors, services, recorded


def test_each_door_lets_its_node_in(opened):
    """And the message that one sends is there for the other, and recorded."""
    client, _, _, recorded = opened
    assert client("panda01").call(Call(Api.SEND, "go", {"k": "v"})).status is Status.DONE
    outcome = client("panda02").call(Call(Api.WAIT, "go", timeout=10))
    assert outcome.data == (("panda01", {"k": "v"}),)
    assert recorded("message")["id"] == "go"


def test_a_wait_is_recorded_with_the_time_at_which_it_was_asked(opened):
    """The coordinator tells how long it was; the run's events have times."""
    client, _, _, recorded = opened
    before = time.monotonic()
    client("panda01").call(Call(Api.WAIT, "never", timeout=0.01))
    end = recorded("wait_finished")
    assert before <= end["asked"] <= time.monotonic()
    assert "seconds" not in end


def test_only_who_is_configured_so_asks_over_the_network(opened):
    """What its board gets is the address as the board sees it, its name and its secret."""
    _, doors, services, _ = opened
    host, _, words = services.direct.file("panda01").decode().split()
    assert host == "127.0.0.1"
    assert console_frames.decode(words.encode()) == [b"panda01", doors["panda01"].secret.encode()]
    assert services.direct.file("panda02") is None


def test_who_has_left_keeps_nobody_waiting(opened):
    """The reason is told in a line, however long it is."""
    client, _, services, _ = opened
    services.leave("panda02", "kernel panic\n    and its trace")
    outcome = client("panda01").call(Call(Api.WAIT, "go", timeout=10))
    assert outcome.status is Status.NEVER
    assert outcome.reason.endswith("panda02 failed: kernel panic")
