"""Device types that each installation knows."""

from __future__ import annotations

from importlib.metadata import EntryPoint
from typing import ClassVar

import pytest

from lava_dispatcher_multinode import device_types, plugins
from lava_dispatcher_multinode.errors import InvalidJob
from lava_dispatcher_multinode.lab.device_files import load_lab
from lava_dispatcher_multinode.lab.layers import PACKAGE_DEFAULTS, Layers


class Rock:
    """A driver of a plug-in."""

    defaults: ClassVar = {"aliases": ["rock-5b", "panda"], "boot": {"prompts": ["rock> "]}}


@pytest.fixture
def rock(monkeypatch):
    """Install the device type rock5."""
    entry = EntryPoint("rock5", f"{__name__}:Rock", plugins.DEVICE_TYPES)
    others = plugins.entries
    types = {"rock5": entry}
    monkeypatch.setattr(
        plugins, "entries", lambda group: types if group == plugins.DEVICE_TYPES else others(group)
    )
    monkeypatch.setattr(plugins, "load", lambda group, name: Rock)


def test_the_types_of_this_package_with_their_aliases():
    """beagle-xm is LAVA's name of beaglexm."""
    names = device_types.names()
    assert {name for name in names if names[name] == "beaglexm"} == {"beaglexm", "beagle-xm"}
    assert names["panda"] == "panda"


@pytest.mark.parametrize("path", sorted(device_types.DIRECTORY.iterdir()), ids=lambda p: p.stem)
def test_the_files_of_this_package_are_right(path):
    """They are read without the checks of a device file, so a test checks them."""
    document = Layers((PACKAGE_DEFAULTS,))._document(path)
    assert document.data == device_types.defaults(path.stem)


def test_ramdisk_and_device_tree_are_not_moved():
    """Ramdisk and device tree stay where U-Boot loaded them, on each type that has TFTP."""
    for name in ("panda", "beaglexm"):
        setup = device_types.defaults(name)["deploy"]["tftp"]["setup"]
        assert {"setenv initrd_high 0xffffffff", "setenv fdt_high 0xffffffff"} <= set(setup)


def test_a_plug_in_s_driver_brings_its_type(rock):
    """Its aliases do not replace the name of another type."""
    assert device_types.defaults("rock5")["boot"] == {"prompts": ["rock> "]}
    assert device_types.names()["rock-5b"] == "rock5"
    assert device_types.names()["panda"] == "panda"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (["panda"], "is a list, not a dict"),
        (None, "is a NoneType, not a dict"),
        ({"aliases": "rock-5b"}, "has 'aliases' that are not a list of names"),
        ({"aliases": [5]}, "has 'aliases' that are not a list of names"),
    ],
)
def test_a_plug_in_s_defaults_of_a_wrong_kind_name_the_package(
    rock, monkeypatch, content, message
):
    """Each command that reads the types says which package to correct."""
    monkeypatch.setattr(Rock, "defaults", content)
    with pytest.raises(InvalidJob, match=f"'defaults' of 'rock5' of .*Rock\\) {message}"):
        device_types.names()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"boot": {"promts": ["# "]}}, "unknown key 'promts' in 'boot' (did you mean 'prompts'?)"),
        ({"boot": {"retries": "3"}}, "'retries' must be a whole number, not '3'"),
        ({"death": ["("]}, "not a regular expression"),
        ({"tags": {"x"}}, "'defaults': Object of type set is not JSON serializable"),
    ],
)
def test_a_wrong_key_of_a_plug_in_is_an_error_of_its_devices(
    rock, monkeypatch, tmp_path, content, message
):
    """The keys are checked as in a file; the error names the package, others stay usable."""
    monkeypatch.setattr(Rock, "defaults", content)
    (tmp_path / "devices").mkdir()
    for name, kind in (("rock", "rock5"), ("other", "panda")):
        text = f"device_type: {kind}\nconnection: {{serial: /dev/null}}\n"
        (tmp_path / f"devices/{name}.yaml").write_text(text)
    lab = load_lab(tmp_path)
    assert [device.name for device in lab.devices] == ["other"]
    (problem,) = lab.invalid["rock"].error.problems
    assert f"{__name__}:Rock" in problem.file
    assert problem.line == 0
    assert message in str(problem)


def test_an_unknown_type_has_no_defaults():
    """It may be LAVA's."""
    assert device_types.defaults("juno") == {}


@pytest.mark.parametrize(
    ("device", "found"), [("beagle-xm07", "beaglexm"), ("panda01", "panda"), ("rock01", None)]
)
def test_the_name_of_a_device_may_begin_with_its_type(device, found):
    """The longest name decides."""
    assert device_types.by_device_name(device, device_types.names()) == found
