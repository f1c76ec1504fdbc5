"""Device files: layers, checks, and positions of errors."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lava_dispatcher_multinode.errors import InvalidJob
from lava_dispatcher_multinode.lab import device_model as model
from lava_dispatcher_multinode.lab import layers as module
from lava_dispatcher_multinode.lab.layers import PACKAGE_DEFAULTS, Layers, search_path

from .conftest import SERIAL, wrong


def test_layers_from_low_to_high(config):
    """The order is: defaults of the type, device-defaults, device-types, devices."""
    config.write("device-defaults.yaml", "boot: {retries: 5, kernel_start: A, interrupt: A}\n")
    config.write("device-types/panda.yaml", "boot: {kernel_start: B, interrupt: B}\n")
    config.write("devices/p.yaml", "device_type: panda\nboot: {interrupt: C}\n" + SERIAL)
    boot = Layers([config.path]).device("p").boot
    assert boot.prompts == ("Panda # ",)  # the type's
    assert (boot.retries, boot.kernel_start, boot.interrupt) == (5, "B", "C")


def test_later_directories_win_file_by_file(tmp_path, config):
    """Each kind of file comes from every directory before the next kind."""
    low = type(config)(tmp_path / "low")
    low.write("devices/p.yaml", "device_type: panda\ntags: [low]\nboot: {retries: 7}\n" + SERIAL)
    config.write("devices/p.yaml", "tags: [high]\n")
    config.write("device-types/panda.yaml", "boot: {retries: 2}\n")
    device = Layers([low.path, config.path]).device("p")
    assert device.tags == {"high"}
    assert device.boot.retries == 7  # the device's file is above the type's, whatever the place
    assert device.file == config.path / "devices/p.yaml"


def test_alias_of_a_type_and_its_old_file(config):
    """beagle-xm is beaglexm, and a file named by the alias is a layer of the type."""
    config.write("device-types/beagle-xm.yaml", "boot: {retries: 9, kernel_start: A}\n")
    config.write("device-types/beaglexm.yaml", "boot: {kernel_start: B}\n")
    config.write("devices/b.yaml", "device_type: beagle-xm\n" + SERIAL)
    layers = Layers([config.path])
    device = layers.device("b")
    assert device.device_type == layers.device_type("b") == "beaglexm"
    assert (device.boot.retries, device.boot.kernel_start) == (9, "B")


def test_another_connection_replaces_the_lower_one(config):
    """A serial line replaces the type's command without a null."""
    config.write(
        "device-types/panda.yaml", "connection: {command: a, baud: 9600}\npower: {on: x}\n"
    )
    config.write("devices/p.yaml", "device_type: panda\npower: {off: y}\n" + SERIAL)
    device = Layers([config.path]).device("p")
    assert device.connection == model.ConsoleConnection(serial="/dev/null", baud=9600)
    assert (device.power.on, device.power.off) == ("x", "y")


def test_null_removes_the_value_of_a_lower_layer(config):
    """null removes a default."""
    config.write("device-defaults.yaml", "power: {on: x, off: y}\nlogin: {user: me}\n")
    config.write(
        "devices/p.yaml", "device_type: panda\npower: {off: null}\nlogin: null\n" + SERIAL
    )
    device = Layers([config.path]).device("p")
    assert (device.power.on, device.power.off, device.login) == ("x", None, model.Login())


def test_hostname_is_filled_in(config):
    """One line of a type's file serves all its boards, as in 2013."""
    config.write("device-types/panda.yaml", 'connection: {command: "console %(hostname)s"}\n')
    config.write("devices/p7.yaml", "device_type: panda\n")
    assert Layers([config.path]).device("p7").connection.command == "console p7"


def test_unknown_key_has_place_and_hint(config):
    """The error has the position of the typo."""
    file = config.write("devices/p.yaml", "device_type: panda\nconection: {}\n")
    problem = wrong(Layers([config.path]), "p")
    assert (problem.file, problem.line, problem.column) == (str(file), 2, 1)
    assert "connection" in problem.hint


def test_a_wrong_value_in_a_layer_names_its_file(config):
    """The error names the file of the layer, not that of the device."""
    file = config.write("device-types/panda.yaml", "boot:\n  retries: many\n")
    config.write("devices/p.yaml", "device_type: panda\n" + SERIAL)
    problem = wrong(Layers([config.path]), "p")
    assert (problem.file, problem.line, problem.column) == (str(file), 2, 12)


@pytest.mark.parametrize("name", ["a b", "-p", "p\n", "x" * 64, "..", "ü"])
def test_names_that_cannot_be_device_names(config, name):
    """Names are typed on consoles and are parts of file names."""
    with pytest.raises(InvalidJob, match="cannot be a device's name"):
        Layers([config.path]).device(name, {"device_type": "panda"})


def test_files_are_read_once(config, monkeypatch):
    """A shared layer is parsed once."""
    config.write("device-defaults.yaml", "boot: {retries: 2}\n")
    for number in range(5):
        config.write(f"devices/p{number}.yaml", "device_type: panda\n" + SERIAL)
    read = []
    load = module.load
    monkeypatch.setattr(module, "load", lambda path: read.append(path.name) or load(path))
    layers = Layers([config.path])
    for name in layers.names():
        layers.device(name)
    assert read.count("device-defaults.yaml") == 1
    assert len(read) == 6


def test_search_path_of_2013(monkeypatch, tmp_path):
    """The order is package, host or virtual environment, user; --config-dir replaces both."""
    monkeypatch.setenv("VIRTUAL_ENV", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "user"))
    package, host, user = search_path()
    assert host == tmp_path / "etc/lava-dispatcher"
    assert user == tmp_path / "user/lava-dispatcher"
    assert search_path(tmp_path) == (package, tmp_path)


DOCUMENT = Path(__file__).parents[2] / "docs/reference/device-file.md"
EXAMPLES = re.findall(r"```yaml\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)


@pytest.mark.parametrize("text", EXAMPLES)
def test_the_examples_of_the_reference_are_device_files(config, text):
    """The examples of the page are valid."""
    config.write("devices/p.yaml", text)
    device = Layers([config.path]).device("p")
    assert device.power.on
    assert device.deploy.method


def test_directories_that_are_closed_are_as_good_as_empty(config, monkeypatch, tmp_path):
    """A service user may have an unreadable home."""
    config.write("devices/p.yaml", "device_type: panda\n" + SERIAL)
    closed = tmp_path / "closed"

    def refuse(original):
        def refused(path, *arguments):
            if path.is_relative_to(closed):
                raise PermissionError(13, "Permission denied")
            return original(path, *arguments)

        return refused

    monkeypatch.setattr(Path, "is_file", refuse(Path.is_file))
    monkeypatch.setattr(Path, "iterdir", refuse(Path.iterdir))
    layers = Layers([closed, config.path])
    assert layers.names() == ["p"]
    assert layers.device("p").file == config.path / "devices/p.yaml"
    assert layers.device_type("p") == "panda"


def test_a_file_makes_a_device_type(config):
    """No package is needed: its keys are the lowest layer, its aliases are names of the type."""
    config.write("device-types/rock5.yaml", "aliases: [rock-5b]\nboot: {prompts: ['rock> ']}\n")
    config.write("devices/r1.yaml", "device_type: rock-5b\n" + SERIAL)
    layers = Layers([config.path])
    assert layers.types()["rock-5b"] == layers.types()["rock5"] == "rock5"
    assert layers.types()["beagle-xm"] == "beaglexm"
    device = layers.device("r1")
    assert (device.device_type, device.boot.prompts) == ("rock5", ("rock> ",))
    assert layers.device_type("r1") == "rock5"


def test_the_package_s_types_lie_below_the_defaults_of_a_host(config):
    """device-defaults.yaml replaces what a type brings; the host's file of the type wins."""
    config.write("device-defaults.yaml", "boot: {prompts: ['all> '], retries: 7}\n")
    config.write("devices/p1.yaml", "device_type: panda\n" + SERIAL)
    layers = Layers([PACKAGE_DEFAULTS, config.path])
    assert layers.device("p1").boot.prompts == ("all> ",)
    config.write("device-types/panda.yaml", "boot: {prompts: ['mine> ']}\n")
    boot = Layers([PACKAGE_DEFAULTS, config.path]).device("p1").boot
    assert (boot.prompts, boot.retries) == (("mine> ",), 7)


def test_a_wrong_file_of_a_type_is_the_error_of_its_devices(config):
    """The type is known, so the error is that of the file."""
    config.write("device-types/rock5.yaml", "bood: {}\n")
    config.write("devices/r1.yaml", "device_type: rock5\n" + SERIAL)
    assert "unknown key 'bood'" in wrong(Layers([config.path]), "r1").message


def test_a_type_with_firmware_can_be_simulated(config):
    """An empty section is enough; without it a stand-in has the board's own prompt."""
    config.write("device-types/rock5.yaml", "simulated_firmware: {}\n")
    config.write("device-types/rock6.yaml", "boot: {prompts: ['rock> ', '=> '], commands: [go]}\n")
    layers = Layers([PACKAGE_DEFAULTS, config.path])
    forced = {"connection": {"simulated": True}}
    made = layers.device("r1", {**forced, "device_type": "rock5"})
    assert made.simulated_firmware.prompt == "=> "
    other = layers.device("r2", {**forced, "device_type": "rock6"})
    assert other.simulated_firmware.prompt == "rock> "
    assert other.boot.commands[-1] == "boot"


def test_a_device_has_no_aliases(config):
    """In a device file they would have no effect."""
    config.write("devices/p1.yaml", "device_type: panda\naliases: [p]\n" + SERIAL)
    problem = wrong(Layers([config.path]), "p1")
    assert (problem.line, problem.message) == (2, "a device has no aliases")
    assert "device-types/NAME.yaml" in problem.hint


def test_an_unknown_boot_loader_is_an_error_at_its_key(config):
    """The error comes before the board is touched, with the nearest name."""
    config.write("device-types/panda.yaml", "bootloader: u-bot\n")
    config.write("devices/p1.yaml", "device_type: panda\n" + SERIAL)
    problem = wrong(Layers([config.path]), "p1")
    assert problem.file.endswith("device-types/panda.yaml")
    assert (problem.message, problem.hint) == (
        "unknown boot loader 'u-bot'", "did you mean 'u-boot'?"
    )  # fmt: skip
