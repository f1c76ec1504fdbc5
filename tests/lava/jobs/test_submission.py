"""LAVA submissions: split by node, for a single device, and their timeouts."""

from __future__ import annotations

import ast
import copy
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from lava_dispatcher_multinode.errors import InvalidJob
from lava_dispatcher_multinode.job.parse import parse_job
from lava_dispatcher_multinode.job.source import from_bytes
from lava_dispatcher_multinode.lava.export.exporter import export_job
from lava_dispatcher_multinode.lava.jobs.submission import (
    SINGLE_ROLE,
    GroupOfOne,
    actions_of,
    as_group,
    format_timeout,
    is_single,
    node_names,
    numbered_names,
    parse_timeout,
    split_by_node,
)

from ...needs import LAVA_VERSIONS, lava
from ..conftest import BOOT, definition, lava_job, lava_test

JOB = lava_job(
    {"a": {"count": 2, "tags": ["x"], "essential": True, "context": {"arch": "arm"}}, "b": {}},
    lava_test("t", ["b"], "true"),
    priority="high",
    metadata={"k": "v"},
)
NODES = [("7", "a"), ("8", "a"), ("9", "b")]


def test_each_node_gets_its_part():
    """Its role's blocks in order, the group's data, and nothing of another role."""
    found = split_by_node(JOB, NODES, "group")
    assert list(found) == ["7", "8", "9"]
    protocol = found["8"]["protocols"]["lava-multinode"]
    assert protocol == {
        "tags": ["x"], "essential": True, "timeout": {"minutes": 1}, "target_group": "group",
        "role": "a", "group_size": 3, "sub_id": 1, "roles": {"7": "a", "8": "a", "9": "b"},
    }  # fmt: skip
    assert found["8"]["context"] == {"arch": "arm"}
    assert (found["8"]["device_type"], found["8"]["priority"]) == ("shell", "high")
    assert [next(iter(a)) for a in found["8"]["actions"]] == ["deploy", "boot"]
    assert found["9"]["actions"][2]["test"]["role"] == "b"
    assert "count" not in found["9"]["protocols"]["lava-multinode"]


def test_nodes_share_nothing():
    """A change of one definition affects neither the others nor the job."""
    found = split_by_node(JOB, NODES, "group")
    found["7"]["actions"][0]["deploy"]["to"] = "elsewhere"
    assert found["8"]["actions"][0]["deploy"]["to"] == "overlay"
    assert JOB["actions"][0]["deploy"]["role"] == ["a", "b"]


@pytest.mark.parametrize("version", LAVA_VERSIONS)
def test_as_lavas_own_scheduler_does(version):
    """Compared with LAVA's own function, if its server's source is on this machine."""
    source = Path(lava(version), "lava_scheduler_app", "utils.py")
    # Its module needs Django; the function itself does not.
    found = [
        part
        for part in ast.parse(source.read_text()).body
        if isinstance(part, ast.FunctionDef) and part.name == "split_multinode_yaml"
    ]
    names = {"copy": copy, "SubmissionException": ValueError, "Any": object}
    exec(compile(ast.Module(found, []), str(source), "exec"), names)
    theirs = names["split_multinode_yaml"](copy.deepcopy(JOB), "group")
    ours = split_by_node(JOB, NODES, "group")
    for own in ours.values():
        del own["protocols"]["lava-multinode"]["roles"]  # added when all nodes have devices
    assert list(ours.values()) == [job for jobs in theirs.values() for job in jobs]


def test_a_role_without_its_list():
    """Some jobs write a single role without a list."""
    assert actions_of({"actions": [{"boot": {"role": "a"}}]}, "a") == [{"boot": {"role": "a"}}]
    assert actions_of({"actions": [{"boot": {"role": "ab"}}]}, "a") == []


def test_nodes_are_named_by_role():
    """Numbered if a role has several nodes; no name for a role without nodes."""
    job = lava_job({"a": {}, "b": {"count": 2}, "c": {"count": 0}})
    assert node_names(job) == [("a", "a"), ("b-1", "b"), ("b-2", "b")]


def test_names_of_nodes_never_collide():
    """A role may have the name of another role's node: then all names have numbers."""
    job = lava_job({"client": {"count": 2}, "client-1": {}, "client-1-1": {}})
    names = [
        ("client-1", "client"), ("client-2", "client"), ("client-1-1", "client-1"),
        ("client-1-1-1", "client-1-1"),
    ]  # fmt: skip
    assert node_names(job) == names
    assert numbered_names(job) == names


ROLES = st.from_regex(r"[a-z](-[12])*", fullmatch=True)


@given(st.dictionaries(ROLES, st.integers(0, 12), min_size=1, max_size=8))
def test_there_are_as_many_names_as_nodes(counts):
    """Whatever the roles are called, each node has its own name."""
    job = lava_job({role: {"count": count} for role, count in counts.items()})
    for names in (node_names(job), numbered_names(job)):
        assert len(dict(names)) == sum(counts.values())


SINGLE_TEST = {
    "from": "inline",
    "name": "t",
    "path": "t.yaml",
    "repository": definition("t", "true"),
}
SINGLE = {
    "job_name": "one",
    "device_type": "panda",
    "visibility": "public",
    "timeouts": {"job": {"minutes": 5}, "action": {"minutes": 3}},
    "tags": ["usb"],
    "actions": [
        {"deploy": {"to": "overlay"}},
        {"boot": BOOT},
        {"test": {"definitions": [SINGLE_TEST]}},
    ],
}


def read_document(tmp_path, job=SINGLE):
    """Return the document of a job."""
    return from_bytes(yaml.safe_dump(job, sort_keys=False).encode(), "j.yaml", tmp_path)


def test_it_is_a_group_of_one(tmp_path):
    """The device's keys become the role's; the export is the original job."""
    job, warnings = parse_job(read_document(tmp_path))
    assert not warnings
    (role,) = job.roles
    assert (role.name, role.count, role.device_type, role.tags) == (
        SINGLE_ROLE,
        1,
        "panda",
        {"usb"},
    )
    assert [spec.command for spec in job.actions] == ["boot_linaro_image", "lava_test_shell"]
    assert job.timeout == 300
    exported = export_job(job)
    assert exported.submission == SINGLE
    assert list(exported.nodes("x")) == [SINGLE_ROLE]
    assert node_names(as_group(SINGLE)) == [(SINGLE_ROLE, SINGLE_ROLE)]


def test_a_command_line_names_its_board(tmp_path):
    """--target; it is refused for a group's job."""
    job, _ = parse_job(read_document(tmp_path), target="panda07")
    assert (job.roles[0].device, job.roles[0].device_type) == ("panda07", None)
    assert "target" not in job.lava
    with pytest.raises(InvalidJob, match="cannot run on one device"):
        parse_job(
            read_document(tmp_path, lava_job({"a": {"device_type": "panda"}})), target="panda07"
        )


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("device_type", None, "device_type"),
        ("actions", {"deploy": 1}, "j.yaml:"),
        ("actions", [1, {"deploy": None}], "j.yaml:"),
        ("protocols", 3, "j.yaml:"),
        ("tags", "usb", "j.yaml:"),
        ("timeouts", None, "j.yaml:1:1: the file needs 'timeouts'"),
    ],
)
def test_problems_have_the_positions_of_the_file(tmp_path, key, value, said):
    """No message contains the role's path, which the file does not have."""
    job = copy.deepcopy(SINGLE)
    job[key] = value
    if value is None:
        del job[key]
    with pytest.raises(InvalidJob) as caught:
        parse_job(read_document(tmp_path, job))
    assert said in str(caught.value)


def test_a_misspelled_type_is_a_warning_at_its_place(tmp_path):
    """The path of the role, which the file does not have, is no place."""
    _, warnings = parse_job(read_document(tmp_path, {**SINGLE, "device_type": "pnada"}))
    assert [str(warning) for warning in warnings] == [
        "j.yaml:2:14: warning: nothing describes the device type 'pnada' (did you mean 'panda'?)"
    ]


def test_a_groups_job_stays_what_it_is(tmp_path):
    """Other protocols are kept as well."""
    group = lava_job({"a": {}})
    assert not is_single(group)
    assert as_group(group) is group
    other = as_group(SINGLE | {"protocols": {"lava-xnbd": {"port": "auto"}}})
    assert list(other["protocols"]) == ["lava-xnbd", "lava-multinode"]
    whole = GroupOfOne.of(read_document(tmp_path))
    assert whole.position(("job_name",)).line == 1


def test_times_in_lavas_forms():
    """Several units add up; `skip` is ignored."""
    assert parse_timeout({"hours": 1, "minutes": 2, "seconds": 3, "skip": True}) == 3723
    assert format_timeout(300) == {"minutes": 5}
    assert format_timeout(90) == {"seconds": 90}
    assert format_timeout(0.2) == {"seconds": 1}


@given(st.floats(0.001, 10**8))
def test_times_there_and_back(value):
    """Never shorter than requested, and less than a second longer."""
    written = format_timeout(value)
    assert len(written) == 1
    assert value <= parse_timeout(written) < max(value + 1, 1.001)
