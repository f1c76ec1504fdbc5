"""The stand-ins for GRUB and barebox."""

from __future__ import annotations

import contextlib

import pytest

from lava_dispatcher_multinode.lab.device_sections import SimulatedFirmware
from lava_dispatcher_multinode.simulator.faults import Reset
from lava_dispatcher_multinode.simulator.file_loaders import SimulatedBarebox, SimulatedGrub
from lava_dispatcher_multinode.simulator.uboot.boot_commands import KernelStart


@pytest.fixture
def typed(script):
    """Return a function that types lines at a boot loader and returns its output."""

    def run(kind, card, *lines):
        serial = script(*(line + "\r" for line in lines))
        with contextlib.suppress(script.finished):
            kind(serial, SimulatedFirmware(), card).run()
        return serial.output

    return run


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("frobnicate", "error: can't find command `frobnicate'."),
        ("linux /nothing", "error: file `/nothing' not found."),
        ("linux", "error: filename expected."),
        ("initrd /uInitrd", "error: you need to load the kernel first."),
        ("boot", "error: you need to load the kernel first."),
        ("echo 'a; b' c", "\na; b c\n"),
        ("set a=1; echo $a.", "\n.\n"),
        ("echo 'a", "No closing quotation"),
    ],
)
def test_grub_refuses_what_a_real_one_refuses(typed, card, line, said):
    """With the texts of GRUB 2.06 for its own errors."""
    assert said in typed(SimulatedGrub, card, line)


def test_grub_starts_the_kernel_with_its_arguments(typed, card):
    """The directory does not matter; without a card there is no file."""
    with pytest.raises(KernelStart) as start:
        typed(SimulatedGrub, card, "linux (hd0)/boot/uImage a b", "initrd /uInitrd", "boot")
    assert (start.value.arguments, start.value.ramdisk) == ("a b", True)
    missing = typed(SimulatedGrub, card.with_name("none"), "linux /uImage", "boot")
    assert "error: file `/uImage' not found." in missing


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("frobnicate", "frobnicate: command not found"),
        ("bootm /nothing", "could not open /nothing: No such file"),
        ("bootm", "could not open "),
        ("frobnicate; echo rc=$?", "\nrc=1\n"),
        ("lava_rc=7; echo lava_rc=$lava_rc", "\nlava_rc=7\n"),
        ("global a=b; echo ${a}", "\nb\n"),
    ],
)
def test_barebox_has_a_status_and_variables(typed, card, line, said):
    """Each failure sets the status."""
    assert said in typed(SimulatedBarebox, card, line)


def test_barebox_joins_the_boot_arguments(typed, card):
    """The variables linux.bootargs.* are the kernel's arguments."""
    lines = ["global linux.bootargs.lava='x y'", "bootm -r /a/uInitrd /a/uImage"]
    with pytest.raises(KernelStart) as start:
        typed(SimulatedBarebox, card, *lines)
    assert (start.value.arguments, start.value.ramdisk) == ("x y", True)


@pytest.mark.parametrize(
    ("kind", "line"), [(SimulatedGrub, "reboot"), (SimulatedBarebox, "reset")]
)
def test_a_restart(typed, card, kind, line):
    """The command of each that restarts the board."""
    with pytest.raises(Reset):
        typed(kind, card, line)


@pytest.mark.parametrize("kind", [SimulatedGrub, SimulatedBarebox])
def test_without_a_key_the_default_boots(script, card, kind):
    """The countdown ends at once where nothing is typed."""
    serial = script()
    serial.faults.no_autoboot = False
    serial.faults.countdown = 0
    with pytest.raises(KernelStart) as start:
        kind(serial, SimulatedFirmware(serial_port="ttyS0"), card).run()
    assert start.value.arguments.startswith("console=ttyS0,115200n8 root=LABEL=")
    assert start.value.ramdisk
