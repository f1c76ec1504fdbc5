"""Stand-ins for simulated boards."""

from __future__ import annotations

import pytest

from lava_dispatcher_multinode.job.schema_check import SchemaChecker
from lava_dispatcher_multinode.job.source import load
from lava_dispatcher_multinode.lab.device_model import device_schema
from lava_dispatcher_multinode.lab.stand_ins import DIRECTORY, stand_in


def test_the_layers_are_valid_device_files():
    """Every stand-in has firmware and commands in terms of the keys of device files."""
    files = sorted(DIRECTORY.glob("*.yaml"))
    assert files
    for file in files:
        assert SchemaChecker(device_schema()).problems(load(file)) == []
        assert load(file).data["bootloader"] == file.stem


@pytest.mark.parametrize("loader", ["u-boot", "the one of a plug-in"])
def test_a_stand_in_has_the_prompt_of_the_board(loader):
    """The first of several prompts; without one, the stand-in has the common prompt."""
    layer = stand_in({"bootloader": loader, "boot": {"prompts": ["one> ", "two> "]}})
    assert layer["bootloader"] == "u-boot"
    assert layer["simulated_firmware"]["prompt"] == "one> "
    assert "prompt" not in stand_in({})["simulated_firmware"]
