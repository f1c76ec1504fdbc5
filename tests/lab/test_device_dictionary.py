"""The key `lava_device`: a dictionary as a layer of a device file."""

from __future__ import annotations

from lava_dispatcher_multinode.lab.device_files import load_lab
from lava_dispatcher_multinode.lab.layers import Layers

from .conftest import wrong

DICTIONARY = """\
    devicetype: never-seen
    commands: {connect: telnet server 7001, soft_reboot: reboot}
    actions:
      deploy: {methods: {tftp: }, parameters: {add_header: u-boot, mkimage_arch: arm}}
      boot: {methods: {u-boot: {parameters: {bootloader_prompt: '=>'},
        ramdisk: {commands: ['boot {KERNEL_ADDR}']}}}}
    parameters: {bootm: {kernel: '0x1'}}
    """


def test_the_dictionary_describes_the_board(config):
    """One line makes a board of any type; a warning keeps file and line."""
    dictionary = config.write("devices/b.dict", DICTIONARY)
    config.write("devices/b.yaml", "lava_device: b.dict\n")
    device = Layers([config.path]).device("b")
    assert device.device_type == "never-seen"
    assert device.connection.command == "telnet server 7001"
    assert device.lava_device == dictionary
    (note,) = device.notes
    assert (note.file, note.line, note.warning) == (str(dictionary), 2, True)
    assert "commands.soft_reboot" in note.message
    lab = load_lab(config.path)
    assert lab.describe_type(device) == (
        f"{dictionary} has keys without effect here (warnings: 1), which "
        f"'lava-multinode import {dictionary}' prints"
    )


def test_the_keys_of_the_device_file_override_it(config):
    """The file is above its dictionary, which is above the type and the defaults."""
    config.write("b.dict", DICTIONARY)
    config.write("device-defaults.yaml", "boot: {prompt_patterns: [low], retries: 7}\n")
    config.write(
        "devices/b.yaml",
        "lava_device: ../b.dict\nconnection: {serial: /dev/null}\ndevice_type: panda\n",
    )
    device = Layers([config.path]).device("b")
    assert device.device_type == "panda"
    assert (device.connection.serial, device.connection.command) == ("/dev/null", None)
    assert device.boot.prompt_patterns == ("=>",)
    assert device.boot.retries == 7


def test_a_refusal_names_the_dictionary(config):
    """The error is about the dictionary's line, not about the device file."""
    path = config.write(
        "devices/b.dict", DICTIONARY.replace("mkimage_arch: arm", "mkimage_arch: z80")
    )
    config.write("devices/b.yaml", "lava_device: b.dict\n")
    problem = wrong(Layers([config.path]), "b")
    assert (problem.file, problem.line) == (str(path), 4)


def test_lavas_own_dispatcher_reads_the_dictionary_itself(config):
    """`host: lava` has the key `lava.device` for that."""
    config.write("devices/b.dict", DICTIONARY)
    config.write("devices/b.yaml", "lava_device: b.dict\nhost: lava\ndevice_type: x\n")
    problem = wrong(Layers([config.path]), "b")
    assert "lava: {device: FILE}" in problem.hint


def test_null_removes_the_dictionary(config, tmp_path):
    """As any key, it can be removed in a layer above."""
    config.write("devices/b.yaml", "lava_device: missing\ndevice_type: panda\n")
    high = type(config)(tmp_path / "high")
    high.write("devices/b.yaml", "lava_device:\nconnection: {serial: /dev/null}\n")
    assert Layers([config.path, high.path]).device("b").lava_device is None


def test_a_missing_dictionary_is_an_error_of_the_device_file(config):
    """The place is the key that names it, not the file that does not exist."""
    file = config.write("devices/b.yaml", "device_type: rock\nlava_device: none.dict\n")
    problem = wrong(Layers([config.path]), "b")
    assert (problem.file, problem.line) == (str(file), 2)
    assert problem.message == f"no such file: {config.path}/devices/none.dict"
