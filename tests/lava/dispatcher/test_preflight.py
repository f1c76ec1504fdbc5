"""Checks of devices under LAVA before a run, by this package and by LAVA itself."""

from __future__ import annotations

import copy
import json
import os
import subprocess
from dataclasses import replace

import pytest
import yaml

from lava_dispatcher_multinode.errors import InfrastructureError, InvalidJob
from lava_dispatcher_multinode.job.parse import parse_job
from lava_dispatcher_multinode.job.source import from_bytes
from lava_dispatcher_multinode.lab.device_files import load_lab
from lava_dispatcher_multinode.lava.dispatcher import preflight
from lava_dispatcher_multinode.lava.dispatcher.installed import Installed

from ...needs import require
from ..conftest import COMMAND, lava_job, lava_test, mixed_job

pytestmark = pytest.mark.slow

JOB = lava_job({"a": {}, "b": {}}, lava_test("t", ["a", "b"], "true"))


def with_grub():
    """Return a job with a boot method that the devices do not have."""
    job = copy.deepcopy(JOB)
    job["actions"][1]["boot"] |= {"method": "grub", "commands": "ramdisk"}
    return job


@pytest.fixture
def validate(tmp_path, lab, environ):
    """A function that runs --validate; returns the exit code and stderr."""

    def run(job, **more):
        path = tmp_path / ("job.yaml" if "protocols" in job else "job.json")
        text = yaml.safe_dump(job) if "protocols" in job else json.dumps(job)
        path.write_text(text)
        words = [COMMAND, "--validate", "--config-dir", lab, path.name]
        done = subprocess.run(
            words, cwd=tmp_path, env=environ | more, capture_output=True, text=True
        )
        return done.returncode, done.stderr

    return run


@pytest.mark.usefixtures("installed")
def test_a_block_that_no_device_supports_has_its_position(validate):
    """LAVA itself decides; devices that can run the block cause no message."""
    assert validate(JOB)[0] == 0
    code, said = validate(with_grub())
    assert code == 2
    (line,) = [line for line in said.splitlines() if "dut-01" in line and "of a" in line]
    place, _, text = line.partition(": ")
    assert place.startswith("job.yaml:")
    assert text.startswith("boot by grub of a: LAVA cannot on dut-01")
    assert "boot methods in the dictionary: minimal" in text


@pytest.mark.usefixtures("installed")
def test_an_own_job_that_lava_cannot_run(validate):
    """Its translation to LAVA's format is checked, too; the device driven here is not."""
    job = mixed_job(["true"], ["true"])
    job["actions"].append(
        {
            "command": "deploy_linaro_kernel",
            "parameters": {"kernel": "https://h/k", "role": "server"},
        }
    )
    code, said = validate(job)
    assert code == 2
    assert "deploy to tftp of server: LAVA cannot on dut-01" in said


@pytest.mark.usefixtures("installed")
def test_a_block_that_lava_would_stumble_over(validate):
    """By LAVA's own schema; what its server may accept is a warning."""
    job = copy.deepcopy(JOB)
    job["actions"][1]["boot"]["promts"] = job["actions"][1]["boot"].pop("prompts")
    code, said = validate(job)
    assert code == 0
    assert "warning: unknown key 'promts' in boot (LAVA's schema)" in said
    job["actions"][2]["test"]["definitions"][0]["repository"]["run"] = {"steps": "true"}
    code, said = validate(job)
    assert code == 2
    assert "'steps' in test: expected a list (LAVA's schema)" in said


@pytest.mark.usefixtures("installed")
def test_what_this_host_lacks_is_a_warning(validate, lab):
    """The job is valid: LAVA has no directory of a TFTP server here."""
    require("no TFTP server")
    for name in ("dut-01", "dut-02"):
        path = lab / "devices" / f"{name}.dict"
        dictionary = yaml.safe_load(path.read_text())
        dictionary["actions"]["deploy"]["methods"]["tftp"] = None
        path.write_text(yaml.safe_dump(dictionary))
    job = copy.deepcopy(JOB)
    kernel = {"url": "https://h/zImage", "type": "zimage"}
    job["actions"][0]["deploy"] |= {"to": "tftp", "kernel": kernel, "os": "oe"}
    code, said = validate(job)
    assert code == 0, said
    assert "warning: deploy to tftp of a: on this host LAVA cannot for dut-01" in said


def test_no_dispatcher_is_trouble_of_the_host(validate, tmp_path):
    """Exit code 3 with a hint; errors of the job come first."""
    code, said = validate(JOB, LAVA_DISPATCHER_PATH=str(tmp_path))
    assert code == 3
    assert "dut-01: there is no lava-run" in said
    assert "install the package lava-dispatcher" in said
    broken = copy.deepcopy(JOB)
    broken["timeouts"]["job"] = {"seconds": 1}
    assert validate(broken, LAVA_DISPATCHER_PATH=str(tmp_path))[0] == 2


@pytest.mark.parametrize("text", ["", "[1]", "{% extends 'x.jinja2' %}", None])
def test_an_invalid_dictionary_is_named(validate, lab, text):
    """Missing, not a dictionary, not rendered: exit code 2."""
    for name in ("dut-01", "dut-02"):
        path = lab / "devices" / f"{name}.dict"
        path.unlink() if text is None else path.write_text(text)
    code, said = validate(JOB)
    assert code == 2
    assert "dut-01.dict" in said


def test_one_wrong_board_of_several_is_a_warning(lab, tmp_path, monkeypatch):
    """The job may run on the others."""
    monkeypatch.setenv("LAVA_DISPATCHER_PATH", str(tmp_path))
    (lab / "devices" / "dut-01.dict").write_text("[]")
    devices = [device for device in load_lab(lab).devices if device.host == "lava"]
    text = json.dumps(mixed_job(["true"], ["true"])).encode()
    types = {"shell": "shell"}
    job, _ = parse_job(replace(from_bytes(text, "j", tmp_path), device_types=types))
    (problem,) = preflight.check_capabilities(job, {"server": devices})
    assert problem.warning
    (problem,) = preflight.check_capabilities(job, {"server": devices[:1]})
    assert not problem.warning
    with pytest.raises(InvalidJob, match=r"dut-01\.dict"):
        preflight.check_ready(devices)


def test_only_root_may_run_the_old_one(tmp_path, monkeypatch):
    """2023.01 has no option to run without root."""
    script = tmp_path / "lava-run"
    script.write_text("#!/usr/bin/python3\n")
    old = Installed("2023.01", script, "python3", None)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(
        InfrastructureError, match=r"2023\.01 .* only as root: run as root, or name"
    ):
        preflight.check_allowed(old)
    script.write_text("--skip-sudo-warning\n")
    preflight.check_allowed(old)


def test_a_silent_lava_is_no_refusal_of_the_job(tmp_path):
    """Its failure is an infrastructure error."""
    broken = Installed("1", tmp_path, "/bin/false", None)
    with pytest.raises(InfrastructureError, match="LAVA's dispatcher 1"):
        preflight._run_validator(broken, [[{}, {}]])


def test_words_for_what_a_schema_says(tmp_path):
    """Blocks that no device under LAVA supports are left out; the others have positions."""
    document = from_bytes(yaml.safe_dump(JOB).encode(), "j.yaml", tmp_path)
    job, _ = parse_job(replace(document, device_types={"shell": "shell"}))
    said = [
        (2, "steps", "expected a list", False), (None, "", "no namespace", False),
        (1, "x", "extra keys not allowed", True), (1, "x", "required key not provided", False),
        (0, "fastboot", "unknown action type", False),
    ]  # fmt: skip
    found = [str(problem) for problem in preflight._schema_problems(job, {"b"}, said)]
    assert [text.partition(": ")[2] for text in found] == [
        "'steps' in test: expected a list (LAVA's schema)",
        "warning: the job: no namespace (LAVA's schema)",
        "warning: unknown key 'x' in boot (LAVA's schema)",
        "boot needs 'x' (LAVA's schema)",
    ]
    assert not list(preflight._schema_problems(job, {"another"}, said[:1]))
