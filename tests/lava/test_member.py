"""What LAVA's client is answered: its own forms, numbers for names, no secret in what it keeps."""

from __future__ import annotations

import json

import pytest

from lava_dispatcher_multinode.lava.member import ask, lazy, read_reply
from lava_dispatcher_multinode.sync.server import Coordinator

IDS = {"panda01": "101", "dut-01": "102"}


@pytest.mark.parametrize(
    ("request_", "reply", "answer"),
    [
        ({"request": "lava_send"}, {}, {"response": "ack"}),
        (
            {"request": "lava_sync", "messageID": "x"},
            {"message": {"panda01": {}}},
            {"response": "ack", "message": "x"},
        ),
        (
            {"request": "lava_wait"},
            {"message": {"panda01": {"k": "v"}, "z": {}}},
            {"response": "ack", "message": {"101": {"k": "v"}, "z": {}}},
        ),
    ],
)
def test_replies_as_lava_knows_them(request_, reply, answer):
    """Its scripts can tell senders apart only by numbers."""
    assert json.loads(read_reply(request_, {"response": "ack", **reply}, IDS)) == answer


def test_a_group_by_numbers():
    """As lava-group prints it."""
    reply = {"response": "group_data", "roles": {"panda01": "server", "dut-01": "client"}}
    found = json.loads(read_reply({"request": "group_data"}, reply, IDS))
    assert found["roles"] == {"101": "server", "102": "client"}


def test_one_request_to_a_coordinator():
    """Held until it is satisfied; the node's secret is what lets it in."""
    nodes, secrets = {"dut-01": "a", "panda01": "b"}, {"dut-01": "s", "panda01": "t"}
    with Coordinator(group="g", nodes=nodes, secrets=secrets, timeout=5) as coordinator:
        who = {"client_name": "dut-01", "group_name": "g", "role": "a", "hold": True}
        call = {**who, "request": "lava_wait", "messageID": "x", "timeout": 0.05}
        assert ask(coordinator.address, call, 5)["response"] == "nack"
        reply = ask(coordinator.address, {**call, "secret": "s"}, 5)
        assert (reply["status"], "panda01" in reply["reason"]) == ("timeout", True)


def test_a_module_is_imported_when_it_is_used(monkeypatch):
    """And is the real one then."""
    import sys

    monkeypatch.delitem(sys.modules, "colorsys", raising=False)
    lazy("colorsys")
    import colorsys

    assert type(colorsys).__name__ == "Lazy"
    assert colorsys.rgb_to_hls(0, 0, 0) == (0, 0, 0)
    assert type(sys.modules["colorsys"]).__name__ == "module"
