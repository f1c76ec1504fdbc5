"""Unusual jobs in LAVA's format: each passes LAVA's strict schema and parses to the same job."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import yaml

from lava_dispatcher_multinode.errors import InvalidJob
from lava_dispatcher_multinode.job.parse import parse_job
from lava_dispatcher_multinode.job.source import from_bytes
from lava_dispatcher_multinode.lava.export.exporter import export_job, named_types

from ..conftest import definition

TWO = [
    {"role": "server", "device_type": "panda"},
    {"role": "client", "device_type": "beaglexm", "count": 2, "tags": ["usb", "hdmi"]},
]
IMAGE = {
    "command": "deploy_linaro_image",
    "parameters": {"image": "https://h/a%20b.img.gz", "role": "server"},
}
KERNEL = {
    "command": "deploy_linaro_kernel",
    "parameters": {
        "kernel": "https://h/uImage",
        "dtb": "https://h/x.dtb",
    },
}


def shell(*steps, **more):
    """Return a lava_test_shell."""
    return {
        "command": "lava_test_shell",
        "parameters": {"definitions": [definition("t", *steps)], **more},
    }


def call(request, message_id, **more):
    """Return a call of the dispatcher."""
    parameters = {"request": request, "message_id": message_id, **more}
    return {"command": "multinode", "parameters": parameters}


ODD = {
    "quotes and colons": [shell("echo 'a: b' \"c\" # d", "x=${y:-'z'}", "true; ':'")],
    "no deploy, several shells": [shell("true"), shell("false", role="client"), shell("true")],
    "timeouts": [IMAGE, shell("true", timeout=0.5), shell("true", timeout=100_000)],
    "calls before boot": [
        call("lava-send", "up", message={"a.b": "c d", "n": 1}, role="server"),
        call("lava-wait", "up", role="client"), call("lava-wait-all", "up", waitrole="server"),
        {"command": "boot_linaro_image"}, shell("true"),
    ],
    "calls after boot": [shell("true"), call("lava-sync", "end")],
    "kernel": [KERNEL, {"command": "boot_linaro_image"}, shell("true")],
    "kernel, then image": [KERNEL, shell("true"), IMAGE, shell("true")],
    "boot twice": [{"command": "boot_linaro_image"}, {"command": "boot_linaro_image"}],
    "parameters": [{"command": "lava_test_shell", "parameters": {"testdef_repos": [
        {"git-repo": "https://h/r.git", "parameters": {"A": "1 2", "B": "'"}},
        {"git-repo": "https://h/r.git", "testdef": "x y.yaml", "revision": "0" * 40},
    ]}}],
    "a name like a number": [{"command": "lava_test_shell", "parameters": {"definitions": [
        {**definition("1.0", "true"), "install": {"deps": ["a"], "steps": ["true"]}},
    ]}}],
}  # fmt: skip


@pytest.fixture
def read(tmp_path):
    """A function that parses the text of a job file with any device types."""

    def run(text, name):
        document = from_bytes(text.encode(), name, tmp_path)
        return parse_job(replace(document, device_types=named_types(document)))[0]

    return run


@pytest.mark.parametrize("actions", ODD.values(), ids=list(ODD))
def test_it_passes_and_means_the_same(actions, read, strictly):
    """Roles with their devices, the actions in order, the timeout of a call, the steps."""
    name = "odd: 'job' #1"
    source = {"job_name": name, "timeout": 90, "device_group": TWO, "actions": actions}
    job = read(json.dumps(source), "j.json")
    exported = export_job(job)
    strictly(exported.text("j.json"))
    back = read(exported.text("j.json"), "j.yaml")
    assert (back.name, back.timeout) == (job.name, job.timeout)
    assert [(r.name, r.count, r.tags, r.device_type) for r in back.roles] == [
        (r.name, r.count, r.tags, r.device_type) for r in job.roles
    ]
    for role in ("server", "client"):
        ours, theirs = job.actions_of(role), back.actions_of(role)
        assert _tests(theirs)[: len(_tests(ours))] == _tests(ours)
        kept = {"deploy_linaro_image", "deploy_linaro_kernel"}
        assert [s.command for s in theirs if s.command in kept] == [
            s.command for s in ours if s.command in kept
        ]
    for name, one in exported.definitions().items():
        role = name.rpartition("-")[0]
        assert one["protocols"]["lava-multinode"]["group_size"] == 3
        blocks = [block for action in one["actions"] for block in action.values()]
        assert {block["role"] for block in blocks} == {role}


def _tests(specs):
    """Return the steps of every definition that a role runs; of a repository its address."""
    return [
        (entry.get("run") or entry.get("repository", {}).get("run"))["steps"]
        for spec in specs
        for entry in spec.parameters.get("definitions", ())
        if isinstance(entry.get("repository", {}), dict)
    ]


def test_a_root_file_system_is_booted_by_nfs(read, strictly):
    """LAVA's commands for a RAM disk would not mount it."""
    kernel = {**KERNEL["parameters"], "rootfs": "https://h/r.tar.gz"}
    actions = [{**KERNEL, "parameters": kernel}, shell("true")]
    source = {"job_name": "j", "timeout": 90, "device_group": TWO[:1], "actions": actions}
    text = export_job(read(json.dumps(source), "j.json")).text("j.json")
    strictly(text)
    data = yaml.safe_load(text)
    assert data["actions"][0]["deploy"]["nfsrootfs"]["url"] == "https://h/r.tar.gz"
    assert data["actions"][1]["boot"]["commands"] == "nfs"


@pytest.mark.parametrize("role", ["a role", "a\tb", "", "-x"])
def test_a_role_that_lava_cannot_have_is_refused(read, role):
    """LAVA's scripts treat roles as words."""
    group = [{"role": role, "device_type": "panda"}]
    with pytest.raises(InvalidJob, match=r"j\.json:1"):
        read(
            json.dumps({"timeout": 9, "device_group": group, "actions": [shell("true")]}), "j.json"
        )
