"""Simulated runs of jobs for device types without simulated firmware."""

from __future__ import annotations

import json

import pytest

from .conftest import job_text

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("content", "shown"),
    [
        (None, "\r\n=> setenv bootargs"),
        ("boot: {prompts: ['rock> ']}\n", "\r\nrock> setenv bootargs"),
        ("bootloader: none\n", "\r\nUncompressing Linux"),
        ("bootloader: grub\n", "\x1b[24;7Hl\x1b[24;8H"),
        ("bootloader: barebox\n", "barebox@Stand-in board:/ bootm -r"),
    ],
    ids=["unknown type", "prompt", "no boot loader", "GRUB", "barebox"],
)
def test_boards_of_any_type_meet(dispatch, tmp_path, content, shown):
    """Two boards boot with the boot loader and prompt of their type; a warning names stand-ins."""
    job = json.loads(job_text(["lava-sync ready"], roles=(("a", 1), ("b", 1))))
    for entry in job["device_group"]:
        entry["device_type"] = "rock5"
    file = tmp_path / "job.json"
    file.write_text(json.dumps(job))
    if content is not None:
        types = tmp_path / "config/lava-dispatcher/device-types"
        types.mkdir(parents=True)
        (types / "rock5.yaml").write_text(content)
    run = dispatch("--simulate", file)
    assert run.code == 0
    assert run.results["waits"]
    assert "no simulated firmware is known for the device type 'rock5'" in run.err
    console = run.console("rock5-01").decode()
    assert shown in console
    assert console.count("Linux version") == 1
