"""What the machines are made of."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lava_dispatcher_multinode.errors import InfrastructureError
from lava_dispatcher_multinode.lab import device_model as module
from lava_dispatcher_multinode.lab.layers import PACKAGE_DEFAULTS
from lava_dispatcher_multinode.qemu.machines import MACHINES, firmware


def test_each_machine_has_a_layer_and_a_place_in_the_schema():
    """A machine that one of them lacks cannot be used."""
    schema = json.loads(Path(module.__file__).with_name("device.schema.json").read_text())
    keys = schema["properties"]["connection"]["properties"]["qemu"]["properties"]
    assert set(keys["machine"]["enum"]) == set(MACHINES)
    layers = {path.stem for path in (PACKAGE_DEFAULTS / "machines").iterdir()}
    assert layers == set(MACHINES)


def test_a_host_without_u_boot_is_told_what_to_install(monkeypatch):
    """The message is the remedy."""
    monkeypatch.setattr(Path, "is_file", lambda self: False)
    with pytest.raises(InfrastructureError, match="apt-get install u-boot-qemu"):
        firmware("virt", None)


def test_a_firmware_of_one_s_own(tmp_path):
    """The device file's is taken as it is."""
    file = tmp_path / "u-boot.bin"
    file.touch()
    assert firmware("orangepi-pc", str(file)) == file
