"""Checks of device files beyond the schema."""

from __future__ import annotations

import pytest

from lava_dispatcher_multinode.lab import device_checks
from lava_dispatcher_multinode.lab.layers import Layers

from .conftest import SERIAL, wrong


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("device_type: panda\n", 0, "no connection"),
        ("device_type: panda\nconnection: {serial: a, command: b}\n", 2, "command and serial"),
        ("device_type: panda\nconnection: {simulated: false}\n", 2, "no connection"),
        (SERIAL, 0, "device_type is missing"),
        ("device_type: panda\ndeath: ['(']\n" + SERIAL, 2, "regular expression"),
        ("device_type: panda\ndeath: ['\\u0041']\n" + SERIAL, 2, "regular expression"),
        ("device_type: panda\ndeath: ['x*']\n" + SERIAL, 2, "matches the empty line"),
        ("device_type: panda\ndeath: ['']\n" + SERIAL, 2, ""),
        ("device_type: panda\nconnection: {serial: 'tcp://h:1'}\n", 2, "rfc2217://HOST:PORT"),
        ("device_type: panda\nconnection: {serial: 'socket://h'}\n", 2, "socket://HOST:PORT"),
        ("device_type: panda\nconnection: {serial: 'rfc2217:/h:1'}\n", 2, "must be a path"),
        ("device_type: panda\nconnection: {serial: a, baud: 4294967296}\n", 2, "at most"),
        ("[1, 2]\n", 1, ""),
        ("a: [\n", 1, ""),
        ("", 0, "empty"),
    ],
)
def test_wrong_device_files(config, text, line, said):
    """Each kind of error has the file, and the line if there is one."""
    file = config.write("devices/p.yaml", text)
    problem = wrong(Layers([config.path]), "p")
    assert problem.file == str(file)
    assert problem.line >= line
    assert said in problem.message


@pytest.mark.parametrize(
    "way",
    [
        "command: a",
        "serial: a",
        "serial: /dev/serial/by-path/pci-0000:00:14.0-usb-0:1.0-port0",
        "serial: 'telnet://h'",
        "serial: 'socket://[::1]:3001'",
        "serial: 'rfc2217://h.example:3001?ign_set_control'",
        "serial: 'hwgrep://0403:6001'",
        "simulated: true",
        "qemu: {machine: virt}",
    ],
)
def test_each_way_to_a_console_is_enough(config, way):
    """Each kind of console is sufficient."""
    config.write("devices/p.yaml", f"device_type: panda\nconnection: {{{way}}}\n")
    assert Layers([config.path]).device("p").connection


def test_a_board_under_lava_needs_its_device_dictionary_and_no_console(config):
    """LAVA opens the console; the device dictionary is required."""
    file = config.write("devices/p.yaml", "device_type: x\nhost: lava\n")
    problem = wrong(Layers([config.path]), "p")
    assert (problem.file, problem.line) == (str(file), 2)
    assert "device: FILE" in problem.hint
    config.write("devices/q.yaml", "device_type: x\nhost: lava\nlava: {device: q-lava.yaml}\n")
    assert Layers([config.path]).device("q").lava.device.name == "q-lava.yaml"


def test_a_socket_needs_an_address(config):
    """A real board needs the address of the coordinator; a simulated one has it."""
    file = config.write("devices/p.yaml", "device_type: panda\nmultinode: socket\n" + SERIAL)
    problem = wrong(Layers([config.path]), "p")
    assert (problem.file, problem.line, problem.column) == (str(file), 2, 1)
    config.write(
        "devices/q.yaml",
        "device_type: panda\nmultinode: socket\ndispatcher_ip: 10.0.0.1\n" + SERIAL,
    )
    assert Layers([config.path]).device("q").dispatcher_ip == "10.0.0.1"
    device_checks.check_socket({"multinode": "socket", "connection": {"simulated": True}}, [], "x")


@pytest.mark.parametrize(
    ("keys", "line", "said"),
    [
        ("boot: {commands: [boot]}\n", 3, "boot.commands has no meaning"),
        ("boot:\n  interrupt: any key\n", 4, "boot.interrupt has no meaning"),
        ("boot: {prompt_patterns: ['=> ']}\n", 3, "boot.prompt_patterns has no meaning"),
        ("deploy: {method: tftp}\n", 3, "no files are deployed"),
    ],
)
def test_without_a_boot_loader_there_is_no_dialogue(config, keys, line, said):
    """Its keys are errors in the files of the board; those of the type do not count."""
    text = "device_type: panda\nbootloader: none\n"
    config.write("devices/good.yaml", text + SERIAL)
    assert Layers([config.path]).device("good").bootloader == "none"
    config.write("devices/p.yaml", text + keys + SERIAL)
    problem = wrong(Layers([config.path]), "p")
    assert (problem.line, said in problem.message) == (line, True), problem


@pytest.mark.parametrize("own", ["", ", prompts: ['mine> ']", ", prompt_patterns: ['mine\\d> ']"])
def test_without_known_prompts_another_prompt_is_needed(config, own):
    """Else no text would be a prompt, and each boot would end in a timeout."""
    text = f"device_type: mine\n{SERIAL}boot: {{known_prompts: false{own}}}\n"
    config.write("devices/p.yaml", text)
    layers = Layers([config.path])
    if own:
        assert not layers.device("p").boot.known_prompts
    else:
        problem = wrong(layers, "p")
        assert (problem.line, problem.column) == (3, 8)
        assert "neither prompts nor prompt_patterns" in problem.message


def test_barebox_has_no_limit_of_its_own_for_the_kernel(config):
    """The key that its dialogue does not use is an error; those that it uses are accepted."""
    text = "device_type: panda\nbootloader: barebox\n"
    used = "boot: {interrupt: any key, command_timeout: 9, known_prompts: true}\n"
    config.write("devices/good.yaml", text + used + SERIAL)
    assert Layers([config.path]).device("good").boot.command_timeout == 9
    config.write("devices/p.yaml", text + "boot:\n  kernel_timeout: 9\n" + SERIAL)
    problem = wrong(Layers([config.path]), "p")
    assert (problem.line, "boot.kernel_timeout has no meaning" in problem.message) == (4, True)
