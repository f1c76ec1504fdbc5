"""LAVA device dictionaries as device files: what is obeyed, named and refused, and where."""

from __future__ import annotations

import copy
import re
from pathlib import Path

import pytest
import yaml

from lava_dispatcher_multinode.errors import InvalidJob
from lava_dispatcher_multinode.job.source import from_bytes
from lava_dispatcher_multinode.lab.dictionary_translation import translate

DICTIONARY = {
    "devicetype": "black",
    "commands": {
        "connect": "telnet server '7001'",
        "power_on": "pdu on 1",
        "power_off": ["pdu off 1", "sleep 2"],
        "hard_reset": "pdu reboot 1",
        "pre_power_command": "relay 1",
    },
    "character_delays": {"boot": 20, "test": 5},
    "constants": {
        "kernel-start-message": "Linux version [0-9]",
        "boot_retry": 4,
        "u-boot": {"interrupt-prompt": "Hit any key", "interrupt-character": " "},
        "grub": {"interrupt-prompt": "for a command-line"},
    },
    "parameters": {"bootz": {"kernel": 0x82000000, "ramdisk": "0x83000000", "dtb": "${fdt}"}},
    "actions": {
        "deploy": {
            "parameters": {"add_header": "u-boot", "mkimage_arch": "arm", "append_dtb": False},
            "methods": {"tftp": None, "usb": None},
        },
        "boot": {
            "methods": {
                "minimal": None,
                "u-boot": {
                    "parameters": {"bootloader_prompt": "U-Boot", "interrupt_char": "s"},
                    "nfs": {"commands": ["x"]},
                    "ramdisk": {"commands": ["dhcp", "tftp {KERNEL_ADDR} {KERNEL}", "{BOOTX}"]},
                },
            }
        },
    },
    "timeouts": {
        "actions": {
            "bootloader-interrupt": {"seconds": 40},
            "bootloader-commands": {"minutes": 2, "seconds": 1},
            "auto-login-action": {"minutes": 3},
            "power-off": {"seconds": 10},
            "pdu-reboot": {"seconds": 30},
        }
    },
}


def changed(path, value):
    """Return the dictionary with another value at the dotted `path`; None removes it."""
    data = copy.deepcopy(DICTIONARY)
    *steps, last = path.split("/")
    here = data
    for step in steps:
        here = here.setdefault(step, {})
    here[last] = value
    if value is None:
        del here[last]
    return data


def document(data):
    """Return the dictionary as a file."""
    return from_bytes(yaml.safe_dump(data).encode(), "board.dict", Path("/nowhere"))


def keys(path="hostname", value="b", own=None):
    """Return the keys of a changed dictionary, below those of the device file `own`."""
    return translate(document(changed(path, value)), own).keys


def test_what_a_dictionary_describes():
    """Console, power, prompts, commands, addresses, limits and delays become keys."""
    assert keys() == {
        "device_type": "black",
        "bootloader": "u-boot",
        "connection": {"command": "telnet server 7001", "character_delay": 0.02},
        "power": {
            "on": "relay 1 && pdu on 1",
            "off": "pdu off 1 && sleep 2",
            "cycle": "relay 1 && pdu reboot 1",
            "timeout": 30,
        },
        "boot": {
            "autoboot_timeout": 40,
            "command_timeout": 121,
            "retries": 4,
            "kernel_start": "Linux version",
            "prompt_patterns": ["U-Boot"],
            "interrupt": "Hit any key",
            "interrupt_command": "s",
        },
        "login": {"timeout": 180},
        "deploy": {
            "method": "tftp",
            "tftp": {
                "commands": ["dhcp", "tftp {KERNEL_ADDR} {KERNEL}", "{BOOTX}"],
                "bootz": {"kernel": "0x82000000", "ramdisk": "0x83000000", "dtb": "${fdt}"},
                "ramdisk_header": "arm",
            },
        },
    }


@pytest.mark.parametrize(
    ("path", "value", "key", "expected"),
    [
        ("commands/connect", "sh -c 'a; b'", "connection/command", "sh -c 'a; b'"),
        ("commands/connect", "echo $HOME", "connection/command", "echo '$HOME'"),
        ("actions/boot/methods/u-boot/parameters/interrupt_ctrl_list", ["c"],
         "boot/interrupt_command", "\x03"),
        ("actions/boot/methods/u-boot/parameters/interrupt_char", "",
         "boot/interrupt_command", ""),
        ("actions/boot/methods/u-boot/parameters/interrupt_char", None,
         "boot/interrupt_command", " "),
        ("actions/boot/methods/u-boot/parameters/interrupt_prompt", r"Press \<s\>",
         "boot/interrupt", "Press <s>"),
        ("actions/boot/methods/u-boot/parameters/needs_interrupt", False,
         "boot/interrupt", "U-Boot"),
        ("actions/deploy/parameters/add_header", "raw", "deploy/tftp/ramdisk_header", "none"),
        ("actions/deploy/parameters/append_dtb", True, "deploy/tftp/append_dtb", True),
        ("actions/deploy/parameters/use_xip", True, "deploy/tftp/execute_in_place", True),
        ("character_delays/test", 100, "connection/character_delay", 0.1),
    ],
)  # fmt: skip
def test_the_ways_to_say_it(path, value, key, expected):
    """As LAVA: a command has no shell; parameters come before constants."""
    found = keys(path, value)
    for step in key.split("/"):
        found = found[step]
    assert found == expected


def test_the_primary_connection_is_the_console():
    """Of several connections, LAVA opens the one with the tag."""
    several = {
        "uart1": {"connect": "a", "tags": ["telnet"]},
        "uart0": {"connect": "b", "tags": ["primary"]},
    }
    data = changed("commands/connections", several)
    del data["commands"]["connect"]
    assert translate(document(data)).keys["connection"]["command"] == "b"


def test_a_board_that_boots_by_itself():
    """`minimal` without another way to boot is a board with `bootloader: none`."""
    found = keys("actions/boot/methods", {"minimal": None, "ssh": None})
    assert found["bootloader"] == "none"
    assert found["deploy"] == {"method": "none"}


@pytest.mark.parametrize(
    ("path", "value", "said", "own"),
    [
        ("commands", {}, "no connection_command", {"connection": {"serial": "/dev/ttyUSB0"}}),
        ("actions/boot/methods/u-boot/parameters/interrupt_prompt", "a|b",
         "more than one text", {"boot": {"interrupt": "a"}}),
        ("constants/kernel-start-message", ".*", "begin with one text",
         {"boot": {"kernel_start": "Linux"}}),
        ("actions/boot/methods/u-boot/parameters/bootloader_prompt", "(",
         "not a regular expression", {"boot": {"prompts": ["=>"]}}),
        ("actions/deploy/methods", {"usb": None}, "may not deploy by tftp",
         {"deploy": {"method": "none"}}),
        ("actions/deploy/parameters/add_header", None, "add_header is 'None'",
         {"deploy": {"tftp": {"ramdisk_header": "none"}}}),
        ("actions/boot/methods/u-boot/ramdisk/commands", ["{NFSROOTFS}"], "{NFSROOTFS}",
         {"deploy": {"tftp": {"commands": ["boot"]}}}),
        ("actions/boot/methods", {"fastboot": None, "minimal": None}, "boots by 'fastboot'",
         {"bootloader": "none"}),
    ],
)  # fmt: skip
def test_what_would_change_the_meaning_is_refused(path, value, said, own):
    """The error has file, line and the key to set; with that key, the dictionary is used."""
    with pytest.raises(InvalidJob, match=said) as caught:
        keys(path, value)
    (problem,) = caught.value.problems
    assert problem.file == "board.dict"
    assert problem.line > 0
    assert problem.hint
    assert keys(path, value, own)


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("actions/boot/methods/u-boot/parameters/uboot_ums_flash", "as a USB medium"),
        ("environment/A", "variables of the tests' environment"),
    ],
)
def test_a_setting_without_a_counterpart_is_refused_if_it_is_on(path, said):
    """False, empty and 0 say that the board does without it."""
    with pytest.raises(InvalidJob, match=said):
        keys(path, True)
    keys(path, False)


def test_keys_without_effect_are_named_with_their_place():
    """A warning for each section and reason, with file and line; none for what is obeyed."""
    data = changed("mystery", {"a": 1, "b": 2})
    data["constants"]["spawn_maxread"] = "4092"
    text = yaml.safe_dump(data).splitlines()
    named = translate(document(data)).named
    assert all(problem.warning and problem.file == "board.dict" for problem in named)
    found = {re.split("[:,] ", problem.message)[0]: problem.line for problem in named}
    assert set(found) == {
        "actions.boot.methods.minimal",
        "actions.boot.methods.u-boot.nfs",
        "actions.deploy.methods.usb",
        "constants.grub",
        "constants.spawn_maxread",
        "mystery.a",
    }
    assert any(problem.message.startswith("mystery.a, b: no effect") for problem in named)
    assert "spawn_maxread" in text[found["constants.spawn_maxread"] - 1]


def test_what_is_no_dictionary():
    """A job, or a device file, has no `actions` by name."""
    with pytest.raises(InvalidJob, match="no 'actions'"):
        translate(document({"actions": []}))


@pytest.mark.parametrize(("shown", "warned"), [("for a command-line", False), ("Start", True)])
def test_the_menu_of_grub_needs_no_keys(shown, warned):
    """GRUB's own menu, key and prompt are dropped; another text has a warning."""
    data = changed("constants/grub", {"interrupt-prompt": shown, "interrupt-character": "c"})
    method = data["actions"]["boot"]["methods"].pop("u-boot")
    method["parameters"] = {"bootloader_prompt": "grub>"}
    data["actions"]["boot"]["methods"]["grub"] = method
    found = translate(document(data))
    assert not found.keys["boot"].keys() & {"interrupt", "interrupt_command", "prompt_patterns"}
    texts = [each.message for each in found.named if "GRUB's menu" in each.message]
    assert len(texts) == warned
    assert all(text.startswith("'Start' does not count as boot.interrupt:") for text in texts)
