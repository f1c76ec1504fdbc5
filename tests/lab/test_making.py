"""Keys made into a device."""

from __future__ import annotations

from pathlib import Path

from lava_dispatcher_multinode.lab.device_model import Device, PduDaemon, QemuMachine
from lava_dispatcher_multinode.lab.making import make_device


def test_what_is_not_given_is_as_the_model_has_it():
    """The defaults are written once."""
    assert make_device("p", {"device_type": "panda"}, None) == Device("p", "panda")


def test_every_section_is_made():
    """Lists become tuples, a PDU's port is text, inner sections have classes of their own."""
    device = make_device(
        "p",
        {
            "device_type": "panda",
            "tags": ["a", "b"],
            "connection": {"qemu": {"arguments": ["-s", "-S"]}},
            "power": {"pdudaemon": {"hostname": "pdu", "port": 7}},
            "deploy": {"tftp": {"directory": "/srv"}},
            "boot": {"prompts": ["# "]},
        },
        None,
    )
    assert device.tags == {"a", "b"}
    assert device.connection.qemu == QemuMachine(arguments=("-s", "-S"))
    assert isinstance(device.power.pdudaemon, PduDaemon)
    assert device.power.pdudaemon.port == "7"
    assert device.deploy.tftp.directory == "/srv"
    assert device.boot.prompts == ("# ",)


def test_lava_s_files_are_found_from_the_device_file():
    """Wherever the program was started."""
    data = {"device_type": "x", "host": "lava", "lava": {"device": "d.yaml", "path": "/opt"}}
    lava = make_device("p", data, Path("/etc/devices/p.yaml")).lava
    assert (lava.device, lava.path) == (Path("/etc/devices/d.yaml"), Path("/opt"))
