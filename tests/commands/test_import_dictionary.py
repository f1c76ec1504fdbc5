"""`lava-multinode import`: the device file, warnings, and the options."""

from __future__ import annotations

import io
import json
import sys

import pytest
import yaml

from lava_dispatcher_multinode.commands.lava_multinode import main
from lava_dispatcher_multinode.lab.layers import Layers

DICTIONARY = """\
devicetype: some-board
commands: {connect: telnet server 7001, hard_reset: pdu cycle 1}
constants: {spawn_maxread: '4092'}
parameters: {bootm: {kernel: '0x1', ramdisk: '0x2', dtb: '0x3'}}
actions:
  deploy:
    parameters: {add_header: u-boot, mkimage_arch: arm64}
    methods: {tftp: }
  boot:
    methods:
      minimal:
      u-boot:
        parameters: {bootloader_prompt: '=>', interrupt_ctrl_list: [c]}
        ramdisk: {commands: [dhcp, '{BOOTX}']}
"""


@pytest.fixture
def imported(tmp_path, capsys):
    """A function that imports a dictionary; returns exit code, device file and standard error."""

    def run(*words, text=DICTIONARY, name=None):
        (tmp_path / "some.dict").write_text(text)
        code = main(["import", name or str(tmp_path / "some.dict"), *words])
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


def test_the_output_is_a_device_file(imported, tmp_path):
    """It is valid as it is; what has no effect is named with its line."""
    code, out, err = imported()
    assert code == 0
    assert err == (
        f"{tmp_path}/some.dict:3:13: warning: constants.spawn_maxread: no effect here: "
        "of the program that LAVA reads consoles with\n"
        f"{tmp_path}/some.dict:11:7: warning: actions.boot.methods.minimal: no effect here: "
        "a boot method that this board does not use here\n"
    )
    (tmp_path / "devices").mkdir()
    (tmp_path / "devices" / "b.yaml").write_text(out.replace("some-board", "panda"))
    device = Layers([tmp_path]).device("b")
    assert device.boot.interrupt_command == "\x03"
    assert device.deploy.tftp.commands == ("dhcp", "{BOOTX}")
    assert device.deploy.tftp.ramdisk_header == "arm64"
    assert next(iter(yaml.safe_load(out))) == "device_type"


def test_standard_input_and_the_options(imported, monkeypatch):
    """`-` is standard input; the boot loader chooses the boot method."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(DICTIONARY.encode())))
    code, out, _ = imported("--type", "mine", "--bootloader", "none", name="-")
    assert code == 0
    keys = yaml.safe_load(out)
    assert (
        json.loads(imported("--type", "mine", "--json")[1])["boot"]["interrupt_command"] == "\x03"
    )
    assert (keys["device_type"], keys["bootloader"]) == ("mine", "none")


def test_a_dictionary_of_2023_has_no_type(imported):
    """LAVA's server has the type elsewhere; the error names the option."""
    code, out, err = imported(text=DICTIONARY.partition("\n")[2])
    assert (code, out) == (2, "")
    assert "names no device type (add --type TYPE" in err


def test_a_refused_dictionary_writes_nothing(imported):
    """Exit code 2; the error has the line."""
    code, out, err = imported(text=DICTIONARY.replace("arm64}", "z80}"))
    assert (code, out) == (2, "")
    assert "some.dict:7:" in err
    assert "z80" in err
