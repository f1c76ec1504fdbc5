"""Selection of a node's host."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from types import SimpleNamespace
from unittest.mock import create_autospec

from lava_dispatcher_multinode.job.model import Job, Role
from lava_dispatcher_multinode.lab.device_model import Device
from lava_dispatcher_multinode.run import node_hosts
from lava_dispatcher_multinode.run.board_selection import Assignment
from lava_dispatcher_multinode.run.job_coordinator import Credentials
from lava_dispatcher_multinode.run.lava_node import LavaNode
from lava_dispatcher_multinode.run.node import BoardNode
from lava_dispatcher_multinode.run.node_hosts import is_driven_here, make_nodes
from lava_dispatcher_multinode.run.supervisor.supervisor import Supervisor

OWN, LAVAS = Device("p1", "panda"), Device("q1", "qemu", host="lava")


def test_the_device_file_decides(tmp_path, monkeypatch):
    """Own nodes join the group until the run ends; LAVA's nodes join by themselves."""
    joined = []

    class Client:
        def __init__(self, address, **fields):
            self.name = fields["node"]

        def __enter__(self):
            joined.append(self.name)
            return self

        def __exit__(self, *_):
            joined.remove(self.name)

    monkeypatch.setattr(node_hosts, "GroupClient", Client)
    job = Job("j", 60, (Role("r"),), ())
    members = [Assignment("r", OWN), Assignment("r", LAVAS)]
    services = SimpleNamespace(
        job=job, group=[("p1", "r"), ("q1", "r")], cancelled=threading.Event()
    )
    access = dict.fromkeys(("p1", "q1"), Credentials(("127.0.0.1", 9), "g", "s"))
    with ExitStack() as stack:
        found = make_nodes(
            members,
            services,
            {},
            access,
            stack,
            output=tmp_path,
            directory=tmp_path,
            supervisor=create_autospec(Supervisor, instance=True),
        )
        assert joined == ["p1"]
    assert not joined
    assert [(type(node), node.name, node.role) for node in found] == [
        (BoardNode, "p1", "r"),
        (LavaNode, "q1", "r"),
    ]
    assert (is_driven_here(OWN), is_driven_here(LAVAS)) == (True, False)
