"""The origin of each value of a device."""

from __future__ import annotations

from lava_dispatcher_multinode.lab.layers import PACKAGE_DEFAULTS, Layers

from .conftest import SERIAL


def test_each_value_has_the_highest_file_that_sets_it(config):
    """A key of a section may come from another file than its neighbour."""
    file = config.write("devices/b1.yaml", f"device_type: rock5\n{SERIAL}boot:\n  retries: 7\n")
    kind = config.write("device-types/rock5.yaml", "boot:\n  retries: 4\n  timeout: 99\n")
    found = {v.key: v for v in Layers([PACKAGE_DEFAULTS, config.path]).values("b1")}
    assert (found["boot.retries"].value, found["boot.retries"].place) == (7, f"{file}:4")
    assert (found["boot.timeout"].value, found["boot.timeout"].place) == (99, f"{kind}:3")
    assert (found["silence"].value, found["silence"].place) == (600.0, "default")
    assert "connection.command" not in found


def test_the_type_of_the_package_has_lines_too(config):
    """Its file is the lowest layer; a value that another kind of console excludes is absent."""
    config.write("devices/p1.yaml", "device_type: beagle-xm\n" + SERIAL)
    found = {v.key: v for v in Layers([PACKAGE_DEFAULTS, config.path]).values("p1")}
    prompts = found["boot.prompts"]
    assert prompts.origin.endswith("device-types/beaglexm.yaml")
    assert prompts.line > 1
    assert found["device_type"].value == "beaglexm"
