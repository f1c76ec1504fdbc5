"""Definitions for each node, as LAVA's scheduler makes them."""

from __future__ import annotations

import ast
import copy
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lava_dispatcher_multinode.lava.dispatcher.per_node import (
    actions_of,
    node_names,
    numbered_names,
    split,
)

from ...needs import LAVA_VERSIONS, lava
from ..conftest import lava_job, lava_test

JOB = lava_job(
    {"a": {"count": 2, "tags": ["x"], "essential": True, "context": {"arch": "arm"}}, "b": {}},
    lava_test("t", ["b"], "true"),
    priority="high",
    metadata={"k": "v"},
)
NODES = [("7", "a"), ("8", "a"), ("9", "b")]


def test_each_node_gets_its_part():
    """Its role's blocks in order, the group's facts, and nothing of another role's."""
    found = split(JOB, NODES, "group")
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
    """Who changes one definition changes no other, nor the job."""
    found = split(JOB, NODES, "group")
    found["7"]["actions"][0]["deploy"]["to"] = "elsewhere"
    assert found["8"]["actions"][0]["deploy"]["to"] == "overlay"
    assert JOB["actions"][0]["deploy"]["role"] == ["a", "b"]


@pytest.mark.parametrize("version", LAVA_VERSIONS)
def test_as_lavas_own_scheduler_does(version):
    """Compared with LAVA's own function, where its server's source is on this machine."""
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
    ours = split(JOB, NODES, "group")
    for definition in ours.values():
        del definition["protocols"]["lava-multinode"]["roles"]  # added when all have boards
    assert list(ours.values()) == [job for jobs in theirs.values() for job in jobs]


def test_a_role_without_its_list():
    """As some write it."""
    assert actions_of({"actions": [{"boot": {"role": "a"}}]}, "a") == [{"boot": {"role": "a"}}]
    assert actions_of({"actions": [{"boot": {"role": "ab"}}]}, "a") == []


def test_nodes_are_named_by_role():
    """Numbered where a role has more than one; none where it has none."""
    job = lava_job({"a": {}, "b": {"count": 2}, "c": {"count": 0}})
    assert node_names(job) == [("a", "a"), ("b-1", "b"), ("b-2", "b")]


def test_names_of_nodes_never_collide():
    """A role may have the name that another role's node would get: then all have numbers."""
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
    """Whatever the roles are called, no node takes another one's name."""
    job = lava_job({role: {"count": count} for role, count in counts.items()})
    for names in (node_names(job), numbered_names(job)):
        assert len(dict(names)) == sum(counts.values())
