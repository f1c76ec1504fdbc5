"""The definition for each node's dispatcher."""

from __future__ import annotations

from pathlib import Path

import yaml

from lava_dispatcher_multinode.job.parse import parse_job
from lava_dispatcher_multinode.job.source import from_bytes
from lava_dispatcher_multinode.lab.device_model import Device
from lava_dispatcher_multinode.lab.device_sections import Lava
from lava_dispatcher_multinode.lava.dispatcher.lava_job import LavaJob

from ..conftest import lava_job, lava_test


def device(name):
    """Return a board under LAVA."""
    return Device(name, "panda", host="lava", lava=Lava(device=Path("none")))


def test_each_node_has_a_number_in_one_group(tmp_path):
    """LAVA's scripts distinguish senders by numbers; a definition contains no secret."""
    keys = {"device_type": "panda"}
    source = lava_job({"a": keys, "b": keys}, lava_test("t", ["b"], "true"))
    job, _ = parse_job(from_bytes(yaml.safe_dump(source).encode(), "j.yaml", tmp_path))
    nodes = [("one", "a"), ("two", "b")]
    lava = LavaJob(job, nodes, tmp_path, lambda _: None)
    assert len(set(lava.ids.values())) == 2
    assert all(number.isdigit() and len(number) == 9 for number in lava.ids.values())
    one, two = (lava.definition(device(name)) for name in ("one", "two"))
    block = two["protocols"]["lava-multinode"]
    assert (block["role"], block["group_size"]) == ("b", 2)
    assert block["roles"] == {lava.ids["one"]: "a", lava.ids["two"]: "b"}
    assert [len(one["actions"]), len(two["actions"])] == [2, 3]


def test_a_job_for_one_board_is_a_group_of_one(tmp_path):
    """Its dispatcher is a member like any other."""
    source = {
        "job_name": "j", "device_type": "panda", "timeouts": {"job": {"minutes": 1}},
        "actions": [{"boot": {"method": "minimal"}}],
    }  # fmt: skip
    job, _ = parse_job(from_bytes(yaml.safe_dump(source).encode(), "j.yaml", tmp_path))
    found = LavaJob(job, [("x", "board")], tmp_path, lambda _: None).definition(device("x"))
    assert found["protocols"]["lava-multinode"]["group_size"] == 1
    assert found["actions"] == [{"boot": {"method": "minimal", "role": "board"}}]
