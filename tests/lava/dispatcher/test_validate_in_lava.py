"""The program that asks LAVA whether a device can run a job's blocks."""

from __future__ import annotations

import json
import subprocess

import pytest

from lava_dispatcher_multinode.lava.dispatcher.installed import make_environment
from lava_dispatcher_multinode.lava.dispatcher.preflight import VALIDATOR
from lava_dispatcher_multinode.lava.jobs.submission import split_by_node

from ..conftest import DICTIONARY, lava_job, lava_test


@pytest.fixture
def ask(installed):
    """A function that runs the program; returns the answers."""

    def run(*definitions, job=None):
        pairs = [[DICTIONARY | {"commands": {"connect": "true"}}, d] for d in definitions]
        done = subprocess.run(
            [installed.python, VALIDATOR], input=json.dumps({"pairs": pairs, "submission": job}),
            env=make_environment(installed.path), capture_output=True, text=True, check=True,
        )  # fmt: skip
        return json.loads(done.stdout)

    return run


def test_the_first_block_that_is_refused(ask):
    """Its index and LAVA's message; null if LAVA accepts all, also beside a refused one."""
    good = split_by_node(lava_job({"a": {}}, lava_test("t", ["a"], "true")), [("1", "a")], "g")[
        "1"
    ]
    deploy = {**good, "actions": [{"deploy": {"role": "a", "to": "tftp"}}, *good["actions"]]}
    late = {**good, "actions": [*good["actions"], {"boot": {"role": "a", "method": "u-boot"}}]}
    violation = {**good, "actions": [*good["actions"], {"boot": {"role": "a"}}]}
    answers = ask(good, deploy, late, violation)["refusals"]
    assert answers[0] is None
    assert (answers[1][0], answers[2][0], answers[3][0]) == (0, 3, 3)
    assert "strategies" in answers[1][1]  # each version adds words of its own


def test_what_lavas_schema_says(ask):
    """The first violation of each block and of the job around them; also what servers accept."""
    job = lava_job({"a": {}}, lava_test("t", ["a"], "true"))
    assert ask(job=job)["violations"] == []
    del job["visibility"]
    job["actions"][1]["boot"]["promts"] = job["actions"][1]["boot"].pop("prompts")
    job["actions"][2]["test"]["definitions"][0]["repository"]["run"]["steps"] = "true"
    violations = ask(job=job)["violations"]
    assert violations[:2] == [
        [None, "visibility", "required key not provided", False],
        [1, "promts", "extra keys not allowed", True],
    ]
    assert [(violation[0], violation[3]) for violation in violations[2:]] == [(2, False)]
