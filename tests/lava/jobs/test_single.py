"""LAVA's jobs for one board: a group of one, told with the places of the file."""

from __future__ import annotations

import copy

import pytest
import yaml

from lava_dispatcher_multinode.errors import InvalidJob
from lava_dispatcher_multinode.job.parse import parse
from lava_dispatcher_multinode.job.source import from_bytes
from lava_dispatcher_multinode.lava.dispatcher.per_node import node_names
from lava_dispatcher_multinode.lava.export.exporter import export
from lava_dispatcher_multinode.lava.jobs.single import ROLE, GroupOfOne, as_group, is_single

from ..conftest import BOOT, definition, lava_job

TEST = {"from": "inline", "name": "t", "path": "t.yaml", "repository": definition("t", "true")}
JOB = {
    "job_name": "one",
    "device_type": "panda",
    "visibility": "public",
    "timeouts": {"job": {"minutes": 5}, "action": {"minutes": 3}},
    "tags": ["usb"],
    "actions": [
        {"deploy": {"to": "overlay"}},
        {"boot": BOOT},
        {"test": {"definitions": [TEST]}},
    ],
}


def document(tmp_path, job=JOB):
    """Return the document of a job."""
    return from_bytes(yaml.safe_dump(job, sort_keys=False).encode(), "j.yaml", tmp_path)


def test_it_is_a_group_of_one(tmp_path):
    """Its board's keys are the role's; what LAVA gets on export is the job as it was."""
    job, warnings = parse(document(tmp_path))
    assert not warnings
    (role,) = job.roles
    assert (role.name, role.count, role.device_type, role.tags) == (ROLE, 1, "panda", {"usb"})
    assert [spec.command for spec in job.actions] == ["boot_linaro_image", "lava_test_shell"]
    assert job.timeout == 300
    exported = export(job)
    assert exported.submission == JOB
    assert list(exported.nodes("x")) == [ROLE]
    assert node_names(as_group(JOB)) == [(ROLE, ROLE)]


def test_a_command_line_names_its_board(tmp_path):
    """--target; for a group's job that is refused."""
    job, _ = parse(document(tmp_path), target="panda07")
    assert (job.roles[0].device, job.roles[0].device_type) == ("panda07", None)
    assert "target" not in job.lava
    with pytest.raises(InvalidJob, match="cannot be aimed at one board"):
        parse(document(tmp_path, lava_job({"a": {"device_type": "panda"}})), target="panda07")


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("device_type", "pnada", "j.yaml:2:14: unknown device type 'pnada'"),
        ("device_type", None, "device_type"),
        ("actions", {"deploy": 1}, "j.yaml:"),
        ("actions", [1, {"deploy": None}], "j.yaml:"),
        ("protocols", 3, "j.yaml:"),
        ("tags", "usb", "j.yaml:"),
        ("timeouts", None, "j.yaml:1:1: the file needs 'timeouts'"),
    ],
)
def test_what_is_wrong_is_told_where_the_file_has_it(tmp_path, key, value, said):
    """No word of a role's path that is not in the file's lines."""
    job = copy.deepcopy(JOB)
    job[key] = value
    if value is None:
        del job[key]
    with pytest.raises(InvalidJob) as caught:
        parse(document(tmp_path, job))
    assert said in str(caught.value)


def test_a_groups_job_stays_what_it_is(tmp_path):
    """Other protocols beside LAVA's own stay, too."""
    group = lava_job({"a": {}})
    assert not is_single(group)
    assert as_group(group) is group
    other = as_group(JOB | {"protocols": {"lava-xnbd": {"port": "auto"}}})
    assert list(other["protocols"]) == ["lava-xnbd", "lava-multinode"]
    whole = GroupOfOne.of(document(tmp_path))
    assert whole.position(("job_name",)).line == 1
