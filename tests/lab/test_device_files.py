"""The lab: devices beside invalid files."""

from __future__ import annotations

import pytest

from lava_dispatcher_multinode import device_types
from lava_dispatcher_multinode.errors import InvalidJob
from lava_dispatcher_multinode.lab.device_files import load_lab

SERIAL = "connection: {serial: /dev/null}\n"
GOOD = "device_type: panda\n" + SERIAL


@pytest.mark.parametrize(
    ("device_type", "note"),
    [
        ("panda", ""),
        ("pnada", "nothing describes the device type 'pnada': did you mean 'panda'?"),
        ("zx81", "nothing describes the device type 'zx81': a generic board"),
        ("rock5", ""),
    ],
)
def test_a_board_of_an_unknown_type_is_generic(config, device_type, note):
    """Its device file is enough; a note says that nothing else describes it."""
    config.write("device-types/rock5.yaml", "login: {user: rock}\n")
    config.write("devices/b1.yaml", f"device_type: {device_type}\n" + SERIAL)
    lab = load_lab(config.path)
    (device,) = lab.devices
    assert (device.device_type, device.bootloader) == (device_type, "u-boot")
    assert lab.describe_type(device) == note


def test_an_invalid_file_does_not_hide_the_others(config):
    """An error affects one board."""
    config.write("devices/p1.yaml", GOOD)
    config.write("devices/p2.yaml", "device_type: panda\nbood: 1\n")
    config.write("devices/p3.yaml", "{")
    lab = load_lab(config.path)
    assert [device.name for device in lab.devices] == ["p1"]
    assert set(lab.invalid) == {"p2", "p3"}
    assert "bood" in str(lab.invalid["p2"].error)


def test_the_type_of_an_invalid_device_is_known_if_possible(config):
    """A job that needs a beaglexm ignores an invalid panda."""
    config.write("devices/p1.yaml", "device_type: panda\n")  # no connection
    config.write("devices/p2.yaml", "{")
    broken = load_lab(config.path).invalid
    assert broken["p1"].device_type == "panda"
    assert broken["p2"].device_type is None


def test_types_that_only_lava_knows(config):
    """A job may name them; if the file of such a board is invalid, the job gets its error."""
    config.write("devices/p1.yaml", "device_type: juno\nhost: lava\nlava: {device: d}\n")
    config.write("devices/p2.yaml", "device_type: x15\nhost: lava\nlava: {devise: d}\n")
    config.write("devices/p3.yaml", "{")
    config.write("devices/p4.yaml", GOOD)
    known = load_lab(config.path).device_types.keys()
    assert known - device_types.names().keys() == {"juno", "x15"}


def test_unrecognised_files_are_reported(config):
    """panda.yml and panda.conf are reported as files that are not read."""
    config.write("devices/a.yml", GOOD)
    config.write("devices/b.conf", "device_type = panda\n")
    config.write("devices/c.yaml", GOOD)
    config.write("devices/c.conf", "device_type = panda\n")
    config.write("devices/.hidden.yml", GOOD)
    lab = load_lab(config.path)
    assert set(lab.invalid) == {"a", "b"}
    assert "rename it to a.yaml" in str(lab.invalid["a"].error)
    assert [device.name for device in lab.devices] == ["c"]


def test_an_empty_directory_is_an_empty_lab(config):
    """A lab without devices is an error of the allocation only."""
    lab = load_lab(config.path)
    assert (lab.devices, dict(lab.invalid)) == ((), {})
    assert lab.searched[-1] == config.path


def test_a_config_dir_that_does_not_exist_is_an_error(tmp_path):
    """A typo in --config-dir is an error, not an empty lab."""
    with pytest.raises(InvalidJob, match="no such directory"):
        load_lab(tmp_path / "nowhere")
