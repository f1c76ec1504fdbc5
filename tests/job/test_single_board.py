"""Jobs for one device."""

from pathlib import Path

import pytest

from lava_dispatcher_multinode.job.single_board import ROLE, SingleBoardParser
from lava_dispatcher_multinode.job.source import from_bytes

JOB = {"timeout": 60, "actions": [{"command": "boot_linaro_image"}]}


@pytest.mark.parametrize(
    ("keys", "device", "device_type"),
    [
        ({"target": "panda01"}, "panda01", None),
        ({"device_type": "beagle-xm"}, None, "beaglexm"),
        ({"target": "panda01", "device_type": "panda"}, "panda01", "panda"),
    ],
)
def test_a_group_of_one(read, keys, device, device_type):
    """One role and one device, named or chosen by type."""
    job, warnings = read({**JOB, **keys})
    (role,) = job.roles
    assert (role.name, role.count, role.device, role.device_type) == (ROLE, 1, device, device_type)
    assert (job.size, warnings) == (1, [])


def test_tags_of_the_board_and_of_the_run(read):
    """device_tags choose the device, tags go with the results, as in 2013."""
    job, _ = read({**JOB, "target": "p", "device_tags": ["usb"], "tags": ["nightly"]})
    assert job.roles[0].tags == frozenset({"usb"})
    assert job.tags == ("nightly",)


def test_an_action_for_another_role_is_an_error(refused):
    """There is one role; the hint names it."""
    action = {"command": "boot_linaro_image", "parameters": {"role": "client"}}
    (problem,) = refused({**JOB, "target": "p", "actions": [action]})
    assert f"unknown role 'client' (known: {ROLE})" in problem


def test_a_job_as_the_scheduler_of_2013_left_it(read):
    """Its additions are ignored, each with a warning."""
    job, warnings = read({**JOB, "target": "p", "target_group": "x", "group_size": 2,
                          "role": "r", "sub_id": "1.0", "hostname": "h", "port": 1})  # fmt: skip
    assert job.size == 1
    assert len(warnings) == 6
    assert {warning.hint for warning in warnings} == {"only the scheduler of 2013 used it"}


@pytest.mark.parametrize(
    ("text", "accepted"),
    [("target: a", True), ("device_type: a", True), ("{target: a, device_group: []}", False),
     ("job_name: a", False), ("- target", False), ("{device_type: a, timeouts: {}}", False)],
)  # fmt: skip
def test_what_it_accepts(text, accepted):
    """Other parsers accept groups and LAVA's own format."""
    document = from_bytes(text.encode(), "j.yaml", Path("/"))
    assert SingleBoardParser().accepts(document) is accepted
