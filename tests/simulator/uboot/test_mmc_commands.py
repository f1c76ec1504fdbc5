"""The U-Boot commands that read the SD card."""

import pytest

from lava_dispatcher_multinode.images.example_images import boot_files
from lava_dispatcher_multinode.simulator.faults import Reset


def test_mmc_part(u_boot, card):
    """`mmc part` lists the partitions."""
    lines = [line.split() for line in u_boot("mmc part 0", card=card).splitlines()]
    assert [line[0] for line in lines if line and line[0].isdecimal()] == ["1", "2", "3", "4", "5"]


def test_fatload(u_boot, card):
    """`fatload` loads a file into memory and sets filesize."""
    answer = u_boot("fatload mmc 0:3 0x80200000 uImage", "printenv filesize", card=card)
    content = boot_files("panda")["uImage"]
    assert f"reading uImage\n\n{len(content)} bytes read\n" in answer
    assert f"filesize={len(content):X}\n" in answer
    assert u_boot.board.dram.read(0x80200000, len(content)) == content


def test_no_card(u_boot):
    """Without a card, the commands fail."""
    assert "no card present" in u_boot("mmc init")
    assert "Partition 3 not valid" in u_boot("fatload mmc 0:3 0x80200000 uImage")


def test_load_outside_of_memory(u_boot, card):
    """Loading outside the memory resets the board."""
    with pytest.raises(Reset):
        u_boot("fatload mmc 0:3 0x200000 uImage", card=card)


def test_load_limit(u_boot, card):
    """The size argument limits the bytes read."""
    assert "\n16 bytes read\n" in u_boot("fatload mmc 0:3 0x80200000 uImage 10", card=card)


def test_fatls(u_boot, card):
    """`fatls` lists a directory with sizes."""
    answer = u_boot("fatls mmc 0:3", card=card)
    assert f"{len(boot_files('panda')['uImage']):9d}   uimage" in answer
    assert "4 file(s), 0 dir(s)" in answer


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ("fatload mmc 0:3 0x80200000 zImage", '** Unable to read "zImage" from mmc 0:3 **'),
        ("fatload mmc 0:7 0x80200000 uImage", "** Partition 7 not valid on device 0 **"),
        ("fatload mmc 0:5 0x80200000 uImage", "** Unable to use mmc 0:5 for fatload **"),
        ("fatload mmc 1:1 0x80200000 uImage", "** Bad device mmc 1 **"),
        ("fatload usb 0:1 0x80200000 uImage", "** Bad device usb 0 **"),
        ("fatload mmc 0:3 xyz uImage", "Usage:"),
        ("fatload", "Usage:"),
        ("mmc frob", "Usage:"),
        ("mmc dev 1", "no mmc device at slot 1"),
    ],
)
def test_failures(u_boot, card, command, answer):
    """A failed command prints the message of U-Boot and returns 1."""
    printed = u_boot(command, "echo status $?", card=card)
    assert answer in printed
    assert "\nstatus 1\n" in printed
