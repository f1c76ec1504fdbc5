"""A node without a board, enough for actions that do not use one."""

from __future__ import annotations

import time
from types import SimpleNamespace

import pytest

from lava_dispatcher_multinode.actions.context import Node, NodeServices
from lava_dispatcher_multinode.deadline import Deadline
from lava_dispatcher_multinode.images.store import ImageStore
from lava_dispatcher_multinode.job.model import ActionSpec, Job, Role
from lava_dispatcher_multinode.lab.deploy_sections import Deploy
from lava_dispatcher_multinode.lab.device_model import Device

MEDIA = Deploy("media", path="/dev/sdx")


@pytest.fixture
def events():
    """The emitted events, as (event, fields)."""
    return []


@pytest.fixture
def make_node(tmp_path, events):
    """A function that makes a node; its board only records what is asked of it."""

    def make(name="b1", *, client=None, deploy=MEDIA, seconds=60.0):
        job = Job("job", 60, (Role("r"),), (), directory=tmp_path)
        services = NodeServices(
            job,
            "1",
            [("b1", "r"), ("b2", "s")],
            ImageStore(tmp_path / "images"),
            None,
            lambda event, /, **fields: events.append((event, fields)),
            time.monotonic,
            None,
            lambda *_: None,
        )
        asked = []
        board = SimpleNamespace(
            device=Device(name, "panda", deploy=deploy),
            asked=asked,
            boots=0,
            shell=None,
            root="",
            deploy=lambda image, servers, deadline, bundle: asked.append(("deploy", image)),
            boot=lambda deadline: asked.append(("boot",)),
        )
        return Node(name, "r", board, client, services, ActionSpec("x"), Deadline(seconds, "test"))

    return make
