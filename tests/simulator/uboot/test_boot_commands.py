"""bootm and bootz."""

import pytest

from lava_dispatcher_multinode.images import uimage
from lava_dispatcher_multinode.simulator.faults import Reset
from lava_dispatcher_multinode.simulator.uboot.boot_commands import KernelStart

LOAD = (
    "fatload mmc 0:3 0x80200000 uImage",
    "fatload mmc 0:3 0x81600000 uInitrd",
    "fatload mmc 0:3 0x815f0000 board.dtb",
)


def test_kernel_and_ramdisk(u_boot, card):
    """A kernel and a ramdisk with correct checksums start with the set arguments."""
    with pytest.raises(KernelStart) as start:
        u_boot(*LOAD, "setenv bootargs ' root=x'", "bootm 0x80200000 0x81600000", card=card)
    assert (start.value.arguments, start.value.ramdisk) == (" root=x", True)
    printed = u_boot.board.serial.output
    assert printed.count("Verifying Checksum ... OK") == 2
    assert printed.endswith("OK\n\nStarting kernel ...\n\n")


def test_kernel_alone(u_boot, card):
    """Without a ramdisk address, or with "-", the kernel starts without a ramdisk."""
    for command in ("bootm 0x80200000", "bootm 0x80200000 -", "bootm 80200000 - 815f0000"):
        with pytest.raises(KernelStart) as start:
            u_boot(*LOAD, command, card=card)
        assert not start.value.ramdisk


def test_bootz(u_boot, card):
    """`bootz` starts a zImage, here the one inside the uImage."""
    with pytest.raises(KernelStart):
        u_boot(*LOAD, "bootz 0x80200040 0x81600000 0x815f0000", card=card)


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        (
            "bootm 0x80300000",
            "Wrong Image Format for bootm command\nERROR: can't get kernel image!",
        ),
        ("bootm 0x81600000", "Wrong Image Type for bootm command"),
        ("bootm 0x80200000 0x81700000", "Wrong Ramdisk Image Format"),
        ("bootm 0x80200000 0x80200000", "No Linux ARM Ramdisk Image"),
        ("bootm 0x80200000 - 0x81600000", "Did not find a cmdline Flattened Device Tree"),
        ("bootm zzz", "ERROR: can't get kernel image!"),
        ("bootz 0x80200000", "Bad Linux ARM zImage magic!"),
    ],
)
def test_unusable_images(u_boot, card, command, answer):
    """An unusable kernel, ramdisk or device tree is rejected; U-Boot prompts again."""
    printed = u_boot(*LOAD, command, "echo status $?", card=card)
    assert answer in printed
    assert "\nstatus 1\n" in printed


@pytest.mark.parametrize(
    ("at", "answer"),
    [
        (0x80200000 + 8, "Bad Header Checksum"),
        (0x80200000 + 100, "Bad Data CRC"),
    ],
)
def test_damaged_kernel(u_boot, card, at, answer):
    """The checksums detect a byte that changed in memory."""
    u_boot(*LOAD, card=card)
    board = u_boot.board
    board.dram.write(at, b"\xff")
    board.execute("bootm 0x80200000")
    assert answer in board.serial.output
    assert board.status == 1


def test_load_address_outside(u_boot, card):
    """A load address outside the memory resets the board."""
    u_boot(*LOAD, card=card)
    board = u_boot.board
    board.dram.write(0x80200000, uimage.make(b"code", "bad", uimage.KERNEL, 0x1000, 0x1000))
    board.serial.typed = ["bootm 0x80200000\r"]
    with pytest.raises(Reset):
        board.run()
