"""Replies for LAVA's client and scripts: in their format, without secrets in what they keep."""

from __future__ import annotations

import json
import subprocess

import pytest

from lava_dispatcher_multinode.coordinator.server import Coordinator
from lava_dispatcher_multinode.lava.dispatcher.member import (
    SENDER,
    call_coordinator,
    import_lazily,
    read_reply,
    replace_ids,
)

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
    """With numbers where LAVA's scripts can distinguish senders only by numbers."""
    assert json.loads(read_reply(request_, {"response": "ack", **reply}, IDS)) == answer


def test_a_group_by_numbers():
    """In the format of lava-group."""
    reply = {"response": "group_data", "roles": {"panda01": "server", "dut-01": "client"}}
    found = json.loads(read_reply({"request": "group_data"}, reply, IDS))
    assert found["roles"] == {"101": "server", "102": "client"}


SCRIPTS = {
    "lava-multi-node.lib": f"sed -E 's/ {SENDER}/\\n\\1/g'",
    "lava-self": "echo ${LAVA_HOSTNAME}",
    "lava-group": "printf ${LAVA_GROUP}",
    "lava-send": "as it is",
}


def shell(script, typed=""):
    """Return the output of a script."""
    return subprocess.run(["sh", "-c", script], input=typed, capture_output=True, text=True).stdout


def test_scripts_with_names():
    """Names of the group's devices, also if one is a prefix of another or contains a dot."""
    found = replace_ids(SCRIPTS, "dut-1", {"dut-1": "a", "dut-1.b": "b"})
    assert shell("LAVA_HOSTNAME=7\n" + found["lava-self"]) == "dut-1\n"
    assert shell("LAVA_GROUP=7\n" + found["lava-group"]) == "dut-1\ta\ndut-1.b\tb\n"
    answer = " dut-1.b:k=v w 7:x dut-1:k=v dut-1xb:k=v"
    lines = [" dut-1.b:k=v w 7:x", "dut-1:k=v dut-1xb:k=v"]
    assert shell(found["lava-multi-node.lib"], answer).strip().splitlines() == [
        line.strip() for line in lines
    ]
    assert found["lava-send"] == "as it is"


@pytest.mark.parametrize("changed", [{"lava-multi-node.lib": "awk"}, {}])
def test_scripts_that_are_not_known(changed):
    """Unknown scripts, such as those of a future LAVA, stay unchanged."""
    with pytest.raises(KeyError):
        replace_ids(changed, "a", {"a": "b"})


def test_one_request_to_a_coordinator():
    """The reply comes when the call is satisfied; the node's secret grants access."""
    nodes, secrets = {"dut-01": "a", "panda01": "b"}, {"dut-01": "s", "panda01": "t"}
    with Coordinator(group="g", nodes=nodes, secrets=secrets, timeout=5) as coordinator:
        who = {"client_name": "dut-01", "group_name": "g", "role": "a", "hold": True}
        call = {**who, "request": "lava_wait", "messageID": "x", "timeout": 0.05}
        assert call_coordinator(coordinator.address, call, 5)["response"] == "nack"
        reply = call_coordinator(coordinator.address, {**call, "secret": "s"}, 5)
        assert (reply["status"], "panda01" in reply["reason"]) == ("timeout", True)


def test_a_module_is_imported_when_it_is_used(monkeypatch):
    """It is the real module then."""
    import sys

    monkeypatch.delitem(sys.modules, "colorsys", raising=False)
    import_lazily("colorsys")
    import colorsys

    assert type(colorsys).__name__ == "Lazy"
    assert colorsys.rgb_to_hls(0, 0, 0) == (0, 0, 0)
    assert type(sys.modules["colorsys"]).__name__ == "module"
