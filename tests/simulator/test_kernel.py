"""The log of the kernel, and its search for a root."""

import pytest

from lava_dispatcher_multinode.simulator.faults import Crash
from lava_dispatcher_multinode.simulator.kernel import Kernel, Restart
from lava_dispatcher_multinode.simulator.uboot.boot_commands import KernelStart

from ..firmware import FIRMWARE

CONSOLE = "console=tty0 console=ttyO2,115200n8"


@pytest.fixture
def boot(script):
    """A function that boots a kernel and returns its output."""

    def run(card, arguments, *, ramdisk=True):
        serial = script()
        kernel = Kernel(serial, FIRMWARE["panda"], card, KernelStart(arguments, ramdisk))
        try:
            kernel.boot()
        except Crash as crash:
            with pytest.raises((script.finished, Restart)):
                kernel.panic(str(crash))
        return serial.output

    return run


@pytest.mark.parametrize("root", ["LABEL=testrootfs", "/dev/mmcblk0p5", "/dev/ram0"])
def test_roots_that_exist(boot, card, root):
    """An existing root is mounted."""
    printed = boot(card, f"{CONSOLE} root={root}")
    assert "Linux version 3.9" in printed
    assert "(simulated)" in printed
    assert f"Kernel command line: {CONSOLE} root={root}\n" in printed
    assert "mounted filesystem" in printed


@pytest.mark.parametrize(
    ("root", "ramdisk", "block"),
    [
        ("/dev/mmcblk0p7", False, "179,7"),
        ("/dev/mmcblk0p3", False, "179,3"),
        ("LABEL=testrootfs", False, "0,0"),
        ("/dev/ram0", False, "0,0"),
        ("", False, "0,0"),
    ],
)
def test_missing_roots(boot, card, root, ramdisk, block):
    """A root that is missing, or that only a ramdisk could find, is a panic."""
    printed = boot(card, f"{CONSOLE} root={root}", ramdisk=ramdisk)
    panic = f"VFS: Unable to mount root fs on unknown-block({block})"
    assert f"Kernel panic - not syncing: {panic}" in printed
    assert "mmcblk0p5" in printed


def test_ramdisk_gives_up(boot, card):
    """A ramdisk that does not find the root ends in a panic."""
    printed = boot(card, f"{CONSOLE} root=LABEL=nothing")
    assert "ALERT!  LABEL=nothing does not exist." in printed
    assert "Kernel panic - not syncing: Attempted to kill init!" in printed


def test_empty_card(boot, tmp_path):
    """Without a card, the kernel panics."""
    assert "Kernel panic" in boot(
        tmp_path / "none", f"{CONSOLE} root=/dev/mmcblk0p2", ramdisk=False
    )


@pytest.mark.parametrize("arguments", ["root=/dev/mmcblk0p5", "console=ttyO0,115200 root=nothing"])
def test_no_console(boot, card, arguments):
    """Without console=ttyO2, the kernel prints nothing, not even its panic."""
    assert boot(card, arguments, ramdisk=False) == (
        "Uncompressing Linux... done, booting the kernel.\n"
    )


def test_quiet(boot, card):
    """`quiet` suppresses the log, not a panic."""
    assert "Linux version" not in boot(card, f"{CONSOLE} quiet root=/dev/mmcblk0p5")
    assert "Kernel panic" in boot(card, f"{CONSOLE} quiet root=/dev/mmcblk0p9", ramdisk=False)


def test_panic_restarts_if_asked(boot, card):
    """`panic=5` restarts the board."""
    printed = boot(card, f"{CONSOLE} panic=5 root=/dev/mmcblk0p9", ramdisk=False)
    assert printed.endswith("Rebooting in 5 seconds..\n")
