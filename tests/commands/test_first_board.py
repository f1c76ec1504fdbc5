"""The first device file: values of options, questions on a terminal."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lava_dispatcher_multinode import device_types
from lava_dispatcher_multinode.commands.first_board import quoted
from lava_dispatcher_multinode.commands.lava_multinode import main
from lava_dispatcher_multinode.job.source import from_bytes
from lava_dispatcher_multinode.lab.device_files import load_lab

COMMAND = Path(sys.executable).parent / "lava-multinode"
NASTY = (
    "curl 'http://pdu/cm?a=b: c' # on",
    "@pdu on",
    "printf '\\\\x1b\\n' > \"/dev/x y\"",
    "- %x: [on] {off}",
    "two\nlines",
    "l\u00f6sche \u2028 # \U0001f600",
    "yes",
)


def read_device(directory):
    """Return the only device of the lab that `init` has written."""
    lab = load_lab(directory / "lab")
    assert {name: str(bad.error) for name, bad in lab.invalid.items()} == {}
    (device,) = lab.devices
    return device


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")))
def test_a_value_is_read_back_as_it_was_given(text):
    """It has one line, so that comments can follow."""
    line = quoted(text)
    assert "\n" not in line
    assert from_bytes(f"key: {line}".encode(), "x.yaml", Path()).data == {"key": text}


@pytest.mark.parametrize("value", NASTY)
def test_commands_reach_the_device_unchanged(tmp_path, value):
    """Colons, hashes, quotes, backslashes and a leading @ have no meaning of YAML's."""
    words = ["--serial", f"/dev/serial/by-id/{value}", "--power-on", value, "--power-off", value]
    assert main(["init", str(tmp_path), *words]) == 0
    device = read_device(tmp_path)
    assert (device.power.on, device.power.off) == (value, value)
    assert device.connection.serial == f"/dev/serial/by-id/{value}"


@pytest.mark.parametrize("kind", [*sorted(device_types.names()), "rock5"])
def test_the_file_fits_every_type(tmp_path, kind):
    """Each board has lines to boot with, or a boot loader that needs none."""
    assert main(["init", str(tmp_path), "--type", kind]) == 0
    device = read_device(tmp_path)
    assert device.device_type == device_types.names().get(kind, kind)
    virtual = device.connection.qemu is not None
    assert virtual or device.connection.serial == "/dev/ttyUSB0"
    assert device.boot.commands or device.bootloader == "none" or virtual


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--type", "../rock"], "--type: '../rock' is no name for a device type"),
        (["--type", ""], "--type: '' is no name for a device type"),
        (["--serial", "http://x"], "--serial: 'serial' must be a path, such as /dev/ttyUSB0"),
        (["--serial", ""], "--serial: "),
        (["--power-on", ""], "--power-on: "),
        (["--power-on", "x"], "--power-off: is missing"),
        (["--power-off", "x"], "--power-on: is missing"),
        (["--power-on", "\udcff", "--power-off", "x"], "--power-on: is not UTF-8 text"),
    ],
)
def test_a_wrong_value_is_an_error_of_its_option(tmp_path, capsys, words, message):
    """Nothing is written."""
    assert main(["init", str(tmp_path / "bench"), *words]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "bench").exists()


def on_a_terminal(directory, typed, *words):
    """Run `init` with a terminal as its input and its standard error; return code and screen."""
    ours, theirs = os.openpty()
    command = [COMMAND, "init", str(directory), *words]
    with os.fdopen(ours, "r+b", buffering=0) as screen:
        process = subprocess.Popen(command, stdin=theirs, stderr=theirs, stdout=subprocess.DEVNULL)
        os.close(theirs)
        screen.write(typed)  # the terminal holds it until it is read
        shown = b""
        try:
            while data := screen.read(4096):
                shown += data
        except OSError:  # the process has closed the terminal
            pass
        return process.wait(60), shown.decode()


def test_a_terminal_is_asked_for_what_is_not_given(tmp_path):
    """An empty line takes the default; an option is not asked for."""
    typed = b"rock5\n/dev/ttyACM3\npdu 'on' #3\n"
    code, shown = on_a_terminal(tmp_path / "a", typed, "--power-off", "pdu off")
    assert code == 0, shown
    device = read_device(tmp_path / "a")
    assert (device.device_type, device.connection.serial) == ("rock5", "/dev/ttyACM3")
    assert (device.power.on, device.power.off) == ("pdu 'on' #3", "pdu off")
    assert "switches the power off" not in shown
    code, shown = on_a_terminal(tmp_path / "b", b"\n\n\n")
    assert code == 0, shown
    device = read_device(tmp_path / "b")
    assert (device.device_type, device.power.on) == ("panda", None)


def test_the_end_of_input_is_no_answer(tmp_path):
    """Ctrl-D at a question ends the command; nothing is written."""
    code, shown = on_a_terminal(tmp_path / "a", b"rock5\n\x04")
    assert code == 2
    assert "no answer to: serial device or URL" in shown
    assert not (tmp_path / "a").exists()
