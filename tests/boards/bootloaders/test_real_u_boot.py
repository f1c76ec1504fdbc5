"""The U-Boot dialogue against a real one: Debian's, on QEMU's `virt` machine."""

from __future__ import annotations

import re
import struct
import subprocess
import time

import pytest

from lava_dispatcher_multinode import device_types
from lava_dispatcher_multinode.boards.bootloaders.u_boot import UBootLoader
from lava_dispatcher_multinode.boards.bootloaders.u_boot_messages import MAX_LINE_BYTES
from lava_dispatcher_multinode.boards.deploy.tftp_boot import NetworkBoot, ServedFile
from lava_dispatcher_multinode.console.expect import Dialogue
from lava_dispatcher_multinode.deadline import Deadline
from lava_dispatcher_multinode.errors import BootError
from lava_dispatcher_multinode.images import mbr, uimage
from lava_dispatcher_multinode.images.fat_make import make_fat16
from lava_dispatcher_multinode.lab.deploy_sections import Tftp
from lava_dispatcher_multinode.lab.device_sections import Boot

from ...needs import U_BOOT

QEMU = "qemu-system-arm"
#: Raw mode: QEMU's output is that of the board.
BARE = (
    f"stty raw -echo; exec {QEMU} -M virt -cpu cortex-a15 -m 128 -bios {U_BOOT} -display none "
    "-monitor none -chardev stdio,id=s0,signal=off -serial chardev:s0 -net none "
)
COMMAND = BARE.removesuffix("-net none ") + (
    # Of a card on PCI, QEMU wants a boot ROM that comes with a recommended package only.
    "-netdev user,id=net,tftp={directory} -device virtio-net-device,netdev=net"
)
pytestmark = [pytest.mark.slow, pytest.mark.needs(QEMU, "u-boot-qemu")]


class Board:
    """A real U-Boot, and the dialogue with it."""

    def __init__(self, console, **boot):
        self.console = console
        self.dialogue = Dialogue(console)
        self.u_boot = UBootLoader(self.dialogue, Boot(**boot), Deadline(120, "test"))

    def said(self):
        """Return the last lines of output."""
        return "\n".join(self.console.tail())


@pytest.fixture
def board(console_of, tmp_path):
    """Return a function that starts a board; its TFTP server has the files of `tmp_path`."""

    def make(**boot):
        return Board(console_of(COMMAND.format(directory=tmp_path)), **boot)

    return make


def test_the_countdown_is_stopped_and_commands_run(board):
    """It goes from power-on to the output of a command; each line is typed once."""
    made = board()
    made.u_boot.interrupt()
    made.u_boot.run("echo hello")
    made.u_boot.run("setenv a 'b  c'; echo ${a}")
    assert "hello" in made.said()
    assert "b  c" in made.said()
    assert "<INTERRUPT>" not in made.said()


def test_pressed_from_power_on(board):
    """The prompt is enough; the command line is empty afterwards."""
    made = board(interrupt="never said")
    made.u_boot.interrupt(spam=True)
    made.u_boot.run("echo after")
    assert made.console.tail()[-5:-3] == ["=> echo after", "after"]


def test_a_countdown_that_is_not_known_ends_at_a_prompt_all_the_same(board):
    """A failed automatic boot returns to the prompt, after escape sequences."""
    made = board(interrupt="never said")
    made.u_boot.interrupt()
    made.u_boot.run("echo after")
    assert "after" in made.said()


@pytest.mark.parametrize(
    ("command", "error"),
    [
        ("frobnicate", "Unknown command 'frobnicate' - try 'help' (status 1)"),
        (
            "load virtio 0:1 ${loadaddr} /x",
            "** Bad device specification virtio 0 **; Couldn't find partition virtio 0:1; Can't",
        ),
        ("bootm ${loadaddr}", "Wrong Image Format for bootm"),
        ("bootm ${loadaddr}#conf-1", "Wrong Image Format for bootm"),
        ("bootz ${loadaddr}", "zimage: Bad magic"),
        ("dhcp; tftpboot ${loadaddr} nothing", "TFTP error: 'File not found'"),
        # The end of a list that is fine hides its beginning from the status.
        ("tftpboot ${loadaddr} nothing; echo on", "*** ERROR: `serverip' not set"),
    ],
)
def test_a_refused_command_is_an_error_with_its_message(board, command, error):
    """The next command starts at a prompt, without a stray key."""
    made = board()
    made.u_boot.interrupt()
    made.u_boot.run("setenv autoload no")
    with pytest.raises(BootError) as caught:
        made.u_boot.run(command)
    assert str(caught.value).startswith(f"U-Boot: '{command}' failed: ")
    assert error in str(caught.value).splitlines()[0]
    made.u_boot.run("echo next")
    assert "=> echo next" in made.console.tail()
    assert "<INTERRUPT>" not in made.said()


@pytest.fixture(scope="module")
def disk(tmp_path_factory):
    """Return a disk with two partitions: FAT with a file, and an empty one."""
    path = tmp_path_factory.mktemp("disk") / "disk"
    content = make_fat16({"a.txt": b"text"}, "boot", 2048)
    start = 1 << 20
    with path.open("w+b") as file:
        file.truncate(start + len(content) + (4 << 20))
        mbr.write(
            file,
            [
                mbr.Partition(1, start, len(content), 0x0E),
                mbr.Partition(2, start + len(content), 4 << 20, 0x83),
            ],
        )
        file.seek(start)
        file.write(content)
    return path


#: Commands for a disk with FAT in partition 1 and an empty partition 2, without a network,
#: with the text of the error after "failed: ".
FAILING = {
    "ext4load virtio 0:1 ${loadaddr} a.txt": "Can't set block device (status 1)",
    "load virtio 0:2 ${loadaddr} a.txt": "Can't set block device (status 1)",
    "run nosuchvar": '## Error: "nosuchvar" not defined (status 1)',
    "env import -c ${loadaddr} 10": "## Error: bad CRC, import failed (status 1)",
    "setenv ethaddr nonsense": '## Error: flags type check failure for "ethaddr" <= "nonsense" '
    '(type: m); ## Error inserting "ethaddr" variable, errno=1 (status 1)',
    "load virtio 0:1 ${nosuch_addr_r} a.txt": "it printed its usage: a variable in it may be "
    "unset (status 1)",
    "source ${loadaddr}": 'Wrong image format for "source" command (status 1)',
    "fdt addr ${loadaddr}": "libfdt fdt_check_header(): FDT_ERR_BADMAGIC (status 1)",
    "virtio dev 5": "Device 5: unknown device (status 1)",
    "part start virtio 0 9 x": "status 1, without output",
    "fatls virtio 0:2": "status 1, without output",
    "dhcp": "No ethernet found. (status 1)",
    "false": "status 1, without output",
}
#: Commands that do not fail: conditions, allowed failures, obsolete lines.
HARMLESS = (
    "mmc init",
    "mmc part 0",
    'test -n "$nosuchvar" && setenv y 1',
    'if test -n "$nosuchvar"; then run nosuchvar; fi',
    "run nosuchvar || true",
    "load virtio 0:1 ${loadaddr} a.txt",
    "usb start || true",
)


def test_the_status_says_what_failed(console_of, disk):
    """A load from a wrong file system, an unset variable or a missing network is an error."""
    made = Board(console_of(f"{BARE} -drive if=none,id=d,format=raw,file={disk} "
                            "-device virtio-blk-device,drive=d"))  # fmt: skip
    made.u_boot.interrupt()
    said = {}
    for command in FAILING:
        with pytest.raises(BootError) as caught:
            made.u_boot.run(command)
        said[command] = str(caught.value).splitlines()[0].partition(" failed: ")[2]
    assert said == FAILING
    for command in HARMLESS:
        made.u_boot.run(command)


def test_no_kernel_of_an_earlier_boot(board, tmp_path):
    """If a load fails in the line that starts, the kernel in memory is that of an earlier boot."""
    _legacy_image(tmp_path / "uImage")
    made = board()
    made.u_boot.interrupt()
    made.u_boot.run("setenv autoload no; dhcp")
    made.u_boot.run("tftpboot 0x42000000 uImage")
    line = "tftpboot 0x42000000 nothing; bootm 0x42000000 - ${fdtcontroladdr}"
    made.u_boot.run(f"setenv bootcmd '{line}'")
    with pytest.raises(BootError, match="'boot' failed: TFTP error: 'File not found'"):
        made.u_boot.start("boot")


def test_the_longest_line_arrives_whole_and_a_longer_one_is_refused(board, tmp_path):
    """CONFIG_SYS_CBSIZE: U-Boot cuts longer lines silently."""
    made = board()
    made.u_boot.interrupt()
    made.u_boot.run("setenv a " + (MAX_LINE_BYTES - 9) * "y")
    made.u_boot.run("printenv a")
    raw = (tmp_path / "node0" / "console.raw").read_bytes()
    assert b"a=" + (MAX_LINE_BYTES - 9) * b"y" + b"\r" in raw
    with pytest.raises(BootError, match="has 511 characters"):
        made.u_boot.run("setenv a " + (MAX_LINE_BYTES - 8) * "y")


def test_a_kernel_that_comes_back_and_one_that_starts(board, tmp_path):
    """`bootm` of a legacy image fails with its error, or prints `Starting kernel`."""
    _legacy_image(tmp_path / "uImage")
    made = board()
    made.u_boot.interrupt()
    made.u_boot.run("setenv autoload no")
    made.u_boot.run("dhcp")
    made.u_boot.run("tftpboot 0x42000000 uImage")
    with pytest.raises(BootError, match="'bootm 0x43000000' failed: Wrong Image Format"):
        made.u_boot.start("bootm 0x43000000")
    assert made.u_boot.start("bootm 0x42000000 - ${fdtcontroladdr}") is False


@pytest.mark.needs("mkimage", "dtc")
def test_a_fit_starts_too(board, tmp_path):
    """`bootm ADDRESS#CONFIGURATION`."""
    (tmp_path / "kernel").write_bytes(_LOOP)
    (tmp_path / "fit.its").write_text(_FIT)
    subprocess.run(
        ["mkimage", "-f", "fit.its", "fit"], cwd=tmp_path, check=True, stdout=subprocess.DEVNULL
    )
    made = board()
    made.u_boot.interrupt()
    made.u_boot.run("setenv autoload no; dhcp")
    made.u_boot.run("tftpboot 0x43000000 fit")
    with pytest.raises(BootError, match="'bootm 0x43000000#other' failed: .*onfig"):
        made.u_boot.start("bootm 0x43000000#other")
    assert made.u_boot.start("bootm 0x43000000#conf - ${fdtcontroladdr}") is False


def test_a_data_abort_is_an_error(board):
    """The board restarts: no command follows, and the error has the reason."""
    made = board()
    made.u_boot.interrupt()
    with pytest.raises(BootError, match=r"'md 0xf0000000 1' failed: data abort"):
        made.u_boot.run("md 0xf0000000 1")


def test_a_command_that_does_not_end_names_its_limit(board):
    """The error has the key of the limit and the last lines of output."""
    made = board(command_timeout=0.3)
    made.u_boot.interrupt()
    started = time.monotonic()
    with pytest.raises(BootError, match=r"after 'sleep 30'.*0\.3 s \(boot\.command_timeout\)"):
        made.u_boot.run("sleep 30")
    assert time.monotonic() - started < 10


def test_the_environment_is_not_saved(board):
    """A reset drops the variables of the dialogue."""
    made = board()
    made.u_boot.interrupt()
    made.u_boot.run("setenv mark here")
    made.dialogue.send(b"reset\r")
    made.u_boot.interrupt()
    made.u_boot.run("printenv mark || true")
    assert re.search(r'"mark" not defined', made.said())


def test_after_a_warm_reset_a_failed_load_boots_nothing(board, tmp_path):
    """Memory still has the kernel of the job before; the lines stop at the failed load."""
    _legacy_image(tmp_path / "uImage")
    made = board()
    made.u_boot.interrupt()
    made.u_boot.run("setenv autoload no; dhcp")
    made.u_boot.run("tftpboot 0x42000000 uImage")
    made.dialogue.send(b"reset\r")
    made.u_boot.interrupt()
    made.u_boot.run("iminfo 0x42000000")  # the kernel has survived
    tftp = Tftp(setup=("setenv autoload no", "dhcp"), kernel="0x42000000")
    kernel = ServedFile("gone/uImage", "0x42000000")
    network = NetworkBoot(tftp, "10.0.2.2", "uImage", {"kernel": kernel})
    lines = UBootLoader.network_commands(network)
    assert lines[-1] == "bootm 0x42000000"
    with pytest.raises(BootError, match=r"failed: TFTP error: 'File not found'"):
        for line in lines:
            made.u_boot.run(line)
    assert "Starting kernel" not in made.said()
    assert "bootm" not in made.said()


def _card(path, files):
    """Write a card whose third partition is FAT with `files`."""
    content = make_fat16(files, "boot", 2048)
    start = 1 << 20
    with path.open("w+b") as file:
        file.truncate(start + len(content) + (2 << 20))
        mbr.write(
            file,
            [
                mbr.Partition(1, start + len(content), 1 << 20, 0x83),
                mbr.Partition(2, start + len(content) + (1 << 20), 1 << 20, 0x83),
                mbr.Partition(3, start, len(content), 0x0E),
            ],
        )
        file.seek(start)
        file.write(content)
    return path


_ZIMAGE = struct.pack("<I", 0xE1A00000) * 8 + struct.pack("<IIII", 0xEAFFFFFE, 0x016F2818, 0, 0x30)


def _packed(tree):
    """Return a device tree without the free space behind it."""
    _, structure, strings, *_, strings_size, structure_size = struct.unpack(">9I", tree[4:40])
    size = max(structure + structure_size, strings + strings_size)
    return tree[:4] + struct.pack(">I", size) + tree[8:size]


#: Files on the card, and the error of the lines that need others.
MISSING = {
    ("uImage", "uInitrd"): "FDT and ATAGS support not compiled in",
    ("uImage", "board.dtb"): "Failed to load 'uInitrd'",
    ("uInitrd", "board.dtb"): "Failed to load 'zImage'",
}


@pytest.mark.parametrize("model", ["panda", "beaglexm"])
@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["uImage", "uInitrd", "board.dtb"], "## Booting kernel from Legacy Image at"),
        (["zImage", "uInitrd", "board.dtb"], "Kernel image @"),
        (["zImage", "uInitrd", "mine.dtb"], "Kernel image @"),
        *((list(files), None) for files in MISSING),
    ],
)
def test_the_default_lines_boot_a_device_tree(console_of, tmp_path, model, names, said):
    """A U-Boot without ATAGS boots what the card has for it; the lines are those of the type."""
    machine = f"{QEMU} -M virt,dumpdtb={tmp_path}/dtb -m 128 -display none"
    subprocess.run(machine.split(), check=True, capture_output=True)
    tree = _packed((tmp_path / "dtb").read_bytes())
    content = {
        "uImage": uimage.make(_LOOP, "loop", uimage.KERNEL, 0x45000000, 0x45000000),
        "zImage": _ZIMAGE,
        "uInitrd": uimage.make(b"ramdisk", "ramdisk", uimage.RAMDISK, 0, 0),
        "board.dtb": tree,
        "mine.dtb": tree,
    }
    card = _card(tmp_path / "card", {name: content[name] for name in names})
    made = Board(console_of(f"{BARE} -drive if=none,id=d,format=raw,file={card} "
                            "-device virtio-blk-device,drive=d"))  # fmt: skip
    made.u_boot.interrupt()
    made.u_boot.run("setenv fdt_addr_r 0x43800000")  # as U-Boot for these boards has it
    if "mine.dtb" in names:
        made.u_boot.run("setenv findfdt 'setenv fdtfile mine.dtb'")
    # The machine has no MMC, and its memory is at another place.
    *lines, boot = (
        re.sub(r"0x80[02]00000", "0x42000000", line).replace("0x81600000", "0x43000000")
        .replace("mmc 0:3", "virtio 0:3")
        for line in device_types.defaults(model)["boot"]["commands"]
    )  # fmt: skip
    for line in lines:
        made.u_boot.run(line)
    if said is not None:
        assert made.u_boot.start(boot) is False
        raw = (tmp_path / "node0" / "console.raw").read_bytes().decode(errors="replace")
        assert said in raw
        assert "## Flattened Device Tree blob at 43800000" in raw
        return
    with pytest.raises(BootError, match="'boot' failed: ") as caught:
        made.u_boot.start(boot)
    first = str(caught.value).partition("\n")[0]
    assert MISSING[tuple(names)] in first


_LOOP = struct.pack("<I", 0xEAFFFFFE) * 16  # a branch to itself
_FIT = """/dts-v1/;
/ {
    description = "a kernel that does nothing";
    images {
        kernel {
            data = /incbin/("kernel");
            type = "kernel"; arch = "arm"; os = "linux"; compression = "none";
            load = <0x44000000>; entry = <0x44000000>;
        };
    };
    configurations {
        conf { kernel = "kernel"; };
    };
};
"""


def _legacy_image(path):
    """Write a uImage whose kernel does nothing."""
    path.write_bytes(uimage.make(_LOOP, "loop", uimage.KERNEL, 0x44000000, 0x44000000))
