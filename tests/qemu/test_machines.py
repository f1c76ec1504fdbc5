"""The QEMU machines and their firmware."""

from __future__ import annotations

from pathlib import Path

import pytest

from lava_dispatcher_multinode.errors import InfrastructureError
from lava_dispatcher_multinode.lab.device_model import device_schema
from lava_dispatcher_multinode.lab.layers import PACKAGE_DEFAULTS
from lava_dispatcher_multinode.qemu.machines import MACHINES, find_firmware


def test_each_machine_has_a_layer_and_a_place_in_the_schema():
    """Every machine has a default layer and is in the schema."""
    schema = device_schema()
    keys = schema["properties"]["connection"]["properties"]["qemu"]["properties"]
    others = set(keys["arch"]["enum"]) - {"arm"}
    assert set(keys["machine"]["enum"]) | others == set(MACHINES)
    layers = {path.stem for path in (PACKAGE_DEFAULTS / "machines").iterdir()}
    assert layers == set(MACHINES)


def test_missing_u_boot(monkeypatch):
    """The error names the package to install."""
    monkeypatch.setattr(Path, "is_file", lambda self: False)
    with pytest.raises(InfrastructureError, match="apt-get install u-boot-qemu"):
        find_firmware("virt", None)


def test_configured_firmware(tmp_path):
    """The firmware of the device file is used."""
    file = tmp_path / "u-boot.bin"
    file.touch()
    assert find_firmware("orangepi-pc", str(file)) == file
