"""The parser of LAVA jobs: roles, blocks, timeouts, and refusals."""

from __future__ import annotations

import copy
from dataclasses import replace

import pytest
import yaml

from lava_dispatcher_multinode.errors import InvalidJob
from lava_dispatcher_multinode.images.terms import NO_TERMS, Terms
from lava_dispatcher_multinode.job.source import from_bytes
from lava_dispatcher_multinode.lava.jobs.parser import LavaParser

from ..conftest import lava_job, lava_test


@pytest.fixture
def parse(tmp_path):
    """A function that parses a LAVA job; it knows the type `shell` beside the installed ones."""

    def run(job):
        text = yaml.safe_dump(job, sort_keys=False).encode()
        document = replace(from_bytes(text, "j.yaml", tmp_path), device_types={"shell": "shell"})
        assert LavaParser().accepts(document)
        return LavaParser().parse(document)

    return run


@pytest.fixture
def refused(parse):
    """A function that returns the problems of a job as the user reads them."""

    def run(job):
        with pytest.raises(InvalidJob) as caught:
            parse(job)
        return [str(problem) for problem in caught.value.problems]

    return run


def changed(change, job=None):
    """Return a valid job with changes."""
    job = copy.deepcopy(job or lava_job({"a": {}, "b": {}}, lava_test("t", ["a", "b"], "true")))
    change(job)
    return job


def block(job):
    """Return the multinode block of a job."""
    return job["protocols"]["lava-multinode"]


def test_roles_and_times(parse):
    """count, tags, device, essential; a call has the protocol's timeout, or LAVA's 30 s."""
    job, warnings = parse(
        lava_job(
            {
                "a": {"count": 2, "tags": ["x", "y"], "essential": True},
                "b": {"device": "dut-01", "device_type": "beagle-xm"},
                "c": {"count": 0, "device_type": "panda"},
            }
        )
    )
    assert not warnings
    a, b, c = job.roles
    assert (a.count, a.tags, a.essential, a.device_type) == (2, {"x", "y"}, True, "shell")
    assert (b.device, b.device_type, b.essential, c.count) == ("dut-01", None, False, 0)
    assert job.timeout == 60
    without = lava_job({"a": {}})
    del block(without)["timeout"]
    assert parse(without)[0].timeout == 30


def test_blocks_become_commands(parse):
    """The blocks that devices driven here support, in order, for their roles."""
    image = {"url": "https://h/i.img.gz", "compression": "gz", "sha256sum": "0" * 64}
    job, _ = parse(
        changed(
            lambda job: job.update(
                actions=[
                    {"deploy": {"role": ["a"], "to": "flasher", "images": {"image": image}}},
                    {
                        "deploy": {
                            "role": ["b"],
                            "to": "tftp",
                            "kernel": {"url": "https://h/zImage"},
                            "dtb": {"url": "https://h/d"},
                        }
                    },
                    {
                        "boot": {
                            "role": ["a", "b"],
                            "method": "u-boot",
                            "commands": "ramdisk",
                            "timeout": {"hours": 1},
                        }
                    },
                    lava_test("t", ["b"], "true"),
                ],
                timeouts={"job": {"hours": 2}, "action": {"minutes": 3}},
            )
        )
    )
    found = [(s.command, sorted(s.roles), s.timeout, s.refused) for s in job.actions]
    assert found == [
        ("deploy_linaro_image", ["a"], 180, ""),
        ("deploy_linaro_kernel", ["b"], 180, ""),
        ("boot_linaro_image", ["a", "b"], 3600, ""),
        ("lava_test_shell", ["b"], 120, ""),
    ]
    terms = {"image": Terms({"sha256sum": "0" * 64}, ".gz")}
    assert job.actions[0].parameters == {"image": image["url"], "terms": terms}
    files = {"kernel": "https://h/zImage", "dtb": "https://h/d"}
    assert job.actions[1].parameters == {**files, "terms": {"kernel": NO_TERMS, "dtb": NO_TERMS}}
    step = ("definitions", 0, "repository", "run", "steps", 0)
    assert job.actions[3].position(*step).line > 1


def test_calls_on_actions(parse):
    """Protocol requests come before their block; a delayed role waits first."""
    calls = [
        {"action": "uboot-action", "request": "lava-start", "messageID": "ignored"},
        {
            "action": "uboot-action",
            "request": "lava-wait-all",
            "messageID": "x",
            "role": "b",
            "timeout": {"minutes": 2},
        },
        {
            "action": "uboot-action",
            "request": "lava-send",
            "messageID": "y",
            "message": {"k": "v"},
        },
    ]

    def change(job):
        job["actions"][1]["boot"]["protocols"] = {"lava-multinode": calls}
        block(job)["roles"]["b"] |= {
            "request": "lava-start",
            "expect_role": "a",
            "timeout": {"minutes": 4},
        }

    job, _ = parse(changed(change))
    made = [spec for spec in job.actions if spec.command == "multinode"]
    assert [spec.parameters for spec in made] == [
        {"request": "lava-wait-all", "message_id": "lava_start", "waitrole": "a"},
        {"request": "lava-send", "message_id": "lava_start"},
        {"request": "lava-wait-all", "message_id": "x", "waitrole": "b"},
        {"request": "lava-send", "message_id": "y", "message": {"k": "v"}},
    ]
    assert (made[0].roles, made[0].timeout, made[2].timeout) == ({"b"}, 240, 120)
    assert job.actions[0] is made[0]


@pytest.mark.parametrize(
    ("kind", "content", "said"),
    [
        ("deploy", {"to": "fastboot"}, "deploy to fastboot: only LAVA supports it"),
        (
            "deploy",
            {"to": "tmpfs", "images": {"a": {}, "b": {}}},
            "it must have exactly one image with a url",
        ),
        (
            "deploy",
            {"to": "tftp", "kernel": {"url": "u"}, "nfsrootfs": {"url": "v"}},
            "'nfsrootfs'",
        ),
        ("deploy", {"to": "tftp"}, "it has no kernel"),
        ("deploy", {"to": "sd", "image": {"url": "u", "compression": "zip"}}, "'compression'"),
        ("boot", {"method": "grub"}, "boot by grub: only LAVA supports it"),
        ("test", {"interactive": []}, "test with interactive: only LAVA's dispatcher supports it"),
        ("test", {"docker": {}, "definitions": []}, "test with docker"),
        ("command", {"name": "x"}, "command: only LAVA supports such a block"),
        ("test", {"definitions": [], "protocols": {"lava-xnbd": []}}, "protocol lava-xnbd"),
    ],
)
def test_what_only_lava_can_is_marked(parse, kind, content, said):
    """The job is valid; a device driven here would refuse it, by name."""
    job, _ = parse(changed(lambda job: job["actions"].append({kind: {"role": ["a"], **content}})))
    refused = [f"{spec.command}: {spec.refused}" for spec in job.actions if spec.refused]
    assert len(refused) == 1
    assert said in refused[0]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda job: job.update(device_type="panda"), "'device_type' cannot be at the top"),
        (lambda job: job.pop("timeouts"), "needs 'timeouts'"),
        (lambda job: block(job)["roles"]["a"].pop("count"), "needs 'count'"),
        (
            lambda job: block(job)["roles"]["a"].update(device_type=7),
            "'device_type'",
        ),
        (lambda job: block(job)["roles"]["a"].update(device="d", count=2), "'count' must be 1"),
        (
            lambda job: block(job)["roles"].update(
                g={"connection": "ssh", "count": 1, "host_role": "a"}
            ),
            "secondary connection (ssh)",
        ),
        (lambda job: block(job)["roles"]["a"].update(request="lava-start"), "go together"),
        (
            lambda job: block(job)["roles"]["a"].update(request="lava-start", expect_role="a"),
            "cannot wait for itself",
        ),
        (lambda job: job["actions"][0]["deploy"].pop("role"), "needs 'role'"),
        (lambda job: job["actions"][0]["deploy"].update(role=["z"]), "unknown role 'z'"),
        (lambda job: job["actions"][0]["deploy"].update(role="a"), "must be"),
        (
            lambda job: job["actions"][0]["deploy"].update(timeout={"hours": 9}),
            "the timeout is longer than the job's",
        ),
        (lambda job: job["actions"][0]["deploy"].update(timeout={"weeks": 9}), "weeks"),
        (lambda job: job["actions"].append({"deploy": {}, "boot": {}}), "actions"),
        (
            lambda job: block(job)["roles"]["a"].update(environment={"a-b": "x"}),
            "invalid name or value of shell variable 'a-b'",
        ),
        (
            lambda job: job["actions"][1]["boot"].update(
                protocols={"lava-multinode": [{"request": "lava-sned", "messageID": "x"}]}
            ),
            "request of boot: 'lava-sned' is not one of",
        ),
        (
            lambda job: job["actions"][1]["boot"].update(
                protocols={"lava-multinode": {"request": "lava-send"}}
            ),
            "lava-send of boot: it has no messageID",
        ),
        (lambda job: block(job).update(target_group="x"), "the definition of one node"),
        (
            lambda job: (block(job).update(target_group="x"), job.update(target="dut-01")),
            "the definition of one node",
        ),
        (
            lambda job: [role.update(count=0) for role in block(job)["roles"].values()],
            "no role has a device",
        ),
    ],
)
def test_problems_have_their_positions(refused, change, said):
    """File, line and column, as for other jobs."""
    found = refused(changed(change))
    assert any(said in problem for problem in found), found
    assert all(problem.startswith("j.yaml:") for problem in found)


def test_a_context_and_unknown_keys_are_warned_of(parse):
    """A rendered dictionary has no context; LAVA's server refuses unknown keys."""

    def change(job):
        block(job)["roles"]["a"]["context"] = {"arch": "amd64"}
        job["colour"] = "red"

    said = [str(warning) for warning in parse(changed(change))[1]]
    assert any("'context' has no effect" in text for text in said)
    assert any("unknown key 'colour'" in text for text in said)
