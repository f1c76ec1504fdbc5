"""What the device model derives from the keys."""

from pathlib import Path

from lava_dispatcher_multinode.lab.deploy_sections import Deploy
from lava_dispatcher_multinode.lab.device_model import Device, make_device
from lava_dispatcher_multinode.lab.device_sections import ConsoleConnection, PduDaemon, QemuMachine


def test_messages_name_the_file_or_else_the_device():
    """A board of `--simulate` has no file."""
    assert Device("b1", "panda").place == "b1"
    assert Device("b1", "panda", file=Path("/lab/b1.yaml")).place == "/lab/b1.yaml"


def test_an_empty_device_file_names_no_hardware():
    """No path, console or password: a default could be that of another board."""
    device = Device("b1", "panda")
    assert device.deploy == Deploy(method=None)
    assert device.login.password is None
    assert device.connection == ConsoleConnection()
    assert device.host == "own"


def test_missing_keys_have_the_defaults_of_the_model():
    """The reader adds no defaults."""
    assert make_device("p", {"device_type": "panda"}, None) == Device("p", "panda")


def test_every_section_is_made():
    """Lists become tuples, the port of a PDU becomes text, sections become their classes."""
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


def test_paths_start_at_the_device_file():
    """The working directory does not matter."""
    data = {"device_type": "x", "host": "lava", "lava": {"device": "d.yaml", "path": "/opt"}}
    lava = make_device("p", data, Path("/etc/devices/p.yaml")).lava
    assert (lava.device, lava.path) == (Path("/etc/devices/d.yaml"), Path("/opt"))
