"""The coordinator of a run: credentials, addresses, events and departures."""

from __future__ import annotations

import time
from contextlib import ExitStack
from queue import SimpleQueue

import pytest

from lava_dispatcher_multinode import console_frames
from lava_dispatcher_multinode.coordinator.client import GroupClient
from lava_dispatcher_multinode.job.model import Job, Role
from lava_dispatcher_multinode.lab.device_model import Device
from lava_dispatcher_multinode.lab.device_sections import ConsoleConnection, QemuMachine
from lava_dispatcher_multinode.multinode.api import Api, Call, Status
from lava_dispatcher_multinode.run.board_selection import Assignment
from lava_dispatcher_multinode.run.job_coordinator import coordinator_address, open_coordinator

DEVICES = [
    Device("panda01", "panda", connection=ConsoleConnection(simulated=True), multinode="socket"),
    Device("panda02", "panda"),
]
SERIAL = ConsoleConnection(serial="/dev/ttyUSB0")
SIMULATED = ConsoleConnection(simulated=True)
QEMU = ConsoleConnection(qemu=QemuMachine())


@pytest.fixture
def opened():
    """The coordinator of two boards, with functions that join the group and read events."""
    events = SimpleQueue()
    with ExitStack() as stack:
        coordinator = open_coordinator(
            Job("job", 60, (Role("peer", 2),), ()),
            [Assignment("peer", device) for device in DEVICES],
            lambda event, /, **fields: events.put({"event": event, **fields}),
            time.monotonic,
            stack,
        )

        def client(name):
            access = coordinator.credentials[name]
            return stack.enter_context(
                GroupClient(
                    access.address,
                    group=access.group,
                    node=name,
                    role="peer",
                    secret=access.secret,
                )
            )

        def recorded(kind):
            """Return the next event of that kind; answers may arrive before their events."""
            while (event := events.get(timeout=10))["event"] != kind:
                pass
            return event

        yield client, coordinator, recorded


def test_credentials_admit_their_node(opened):
    """A message that one node sends reaches the other, and is recorded."""
    client, _, recorded = opened
    assert client("panda01").call(Call(Api.SEND, "go", {"k": "v"})).status is Status.DONE
    outcome = client("panda02").call(Call(Api.WAIT, "go", timeout=10))
    assert outcome.data == (("panda01", {"k": "v"}),)
    assert recorded("message")["id"] == "go"


def test_a_wait_is_recorded_with_the_time_at_which_it_began(opened):
    """The coordinator reports its length; events of a run have times."""
    client, _, recorded = opened
    before = time.monotonic()
    client("panda01").call(Call(Api.WAIT, "never", timeout=0.01))
    end = recorded("wait_finished")
    assert before <= end["asked"] <= time.monotonic()
    assert "seconds" not in end


def test_only_devices_configured_for_sockets_get_the_secret(opened):
    """The device's file has the address as the device sees it, its name and its secret."""
    _, coordinator, _ = opened
    channels = coordinator.socket_channels
    host, _, words = channels.file("panda01").decode().split()
    assert host == "127.0.0.1"
    secret = coordinator.credentials["panda01"].secret
    assert console_frames.decode(words.encode()) == [b"panda01", secret.encode()]
    assert channels.file("panda02") is None


def test_a_node_that_leaves_ends_waits_for_it(opened):
    """The reason is the first line of its failure."""
    client, coordinator, _ = opened
    coordinator.leave("panda02", "kernel panic\n    and its trace")
    outcome = client("panda01").call(Call(Api.WAIT, "go", timeout=10))
    assert outcome.status is Status.NEVER
    assert outcome.fields["sentence"].endswith("panda02 failed: kernel panic")


@pytest.mark.parametrize(
    ("connection", "multinode", "dispatcher_ip", "address"),
    [
        (SERIAL, "console", "192.0.2.1", None),
        (SERIAL, "socket", None, None),
        (SERIAL, "socket", "192.0.2.1", ("192.0.2.1", "192.0.2.1")),
        (QEMU, "socket", None, ("127.0.0.1", "10.0.2.2")),
        (SERIAL, "socket", "localhost", ("127.0.0.1", "localhost")),
        (SIMULATED, "socket", "192.0.2.1", ("127.0.0.1", "127.0.0.1")),
        (SIMULATED, "console", None, None),
    ],
)
def test_the_address_of_the_coordinator(connection, multinode, dispatcher_ip, address):
    """The coordinator listens beyond loopback only for a device that is configured so."""
    device = Device(
        "x", "panda", connection=connection, multinode=multinode, dispatcher_ip=dispatcher_ip
    )
    assert coordinator_address(device) == address
