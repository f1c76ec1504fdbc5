"""Jobs of this package in LAVA's format: LAVA's schema, and the list of what is lost."""

from __future__ import annotations

import json

import pytest
import yaml

from ..conftest import BOOT, EXAMPLES, job, lava_job, lava_test, shell


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.json")), ids=lambda path: path.stem)
def test_every_example_passes_lavas_strict_schema(path, export, strictly):
    """All examples of this package."""
    text, said = export(path)
    strictly(text)
    assert "is on this machine" in said, "the image, for one"


def test_boards_of_a_lab_say_how_they_boot(export, strictly, lab):
    """With --config-dir, the device dictionary and the device file apply."""
    group = [{"role": "server", "device_type": "shell"}]
    guessed = export(job(shell("true"), group=group))[1]
    assert "is a guess" in guessed
    text, said = export(job(shell("true"), group=group), "--config-dir", str(lab))
    strictly(text)
    assert "guess" not in said
    boot = yaml.safe_load(text)["actions"][1]["boot"]
    assert {key: boot[key] for key in BOOT} == BOOT


def test_a_job_of_lavas_stays_as_it_is(export, strictly):
    """It needs no translation."""
    original = lava_job({"a": {}, "b": {"count": 2}}, lava_test("t", ["a"], "true"))
    text, said = export(original)
    strictly(text)
    assert yaml.safe_load(text) == original
    assert not said


def test_what_only_a_server_makes_goes_to_it(export, strictly):
    """Connections without a device, and a context, do not concern devices of this machine."""
    guest = {"connection": "ssh", "host_role": "a", "expect_role": "a", "request": "lava-start"}
    original = lava_job({"a": {"context": {"arch": "amd64"}}}, lava_test("t", ["a", "g"], "true"))
    roles = original["protocols"]["lava-multinode"]["roles"]
    roles["g"] = {**guest, "count": 2}
    text, said = export(original)
    strictly(text)
    assert yaml.safe_load(text) == original
    assert not said
    found = json.loads(export(original, "--split", "--json")[0])
    assert sorted(found) == ["a-1", "g-1", "g-2"]
    assert found["g-1"]["host_role"] == "a"


def test_a_device_type_of_a_file_says_how_it_boots(export, tmp_path):
    """With --config-dir, the file of a device type has LAVA's name and the boot commands."""
    types = tmp_path / "device-types"
    types.mkdir()
    (types / "rock5.yaml").write_text(
        "{lava: {device_type: rk3588-rock-5b}, boot: {commands: [run bootcmd]}}"
    )
    group = [{"role": "server", "device_type": "rock5"}]
    exported = yaml.safe_load(
        export(job(shell("true"), group=group), "--config-dir", str(tmp_path))[0]
    )
    role = exported["protocols"]["lava-multinode"]["roles"]["server"]
    assert role["device_type"] == "rk3588-rock-5b"
    boot = next(block["boot"] for block in exported["actions"] if "boot" in block)
    assert (boot["method"], boot["commands"]) == ("u-boot", ["run bootcmd"])
