"""Boards of packaged QEMU with the U-Boot that Debian ships for their real counterparts.

A Cubieboard (Allwinner A10) and a Raspberry Pi 2 (BCM2836), each with an SD card that its
U-Boot starts by `run bootcmd`. QEMU has no boot ROM for either, so it loads U-Boot itself.
The device files are a user's own: a console command and the commands of a power switch.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, NamedTuple

from lava_dispatcher_multinode.images import mbr, uimage
from lava_dispatcher_multinode.images.fat_make import make_fat16
from lava_dispatcher_multinode.qemu.ext_make import make_ext4
from lava_dispatcher_multinode.qemu.test_image import image_build, image_cache
from lava_dispatcher_multinode.qemu.test_image.kernel_modules import KernelModules

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_FILE_SYSTEMS = ("crc32c_generic", "ext4")
#: Modules for the SD card, by machine (its name in the device tree).
MODULES = {
    "allwinner,sun4i-a10": ("sunxi_mmc", *_FILE_SYSTEMS),
    "brcm,bcm2836": ("bcm2835", "sdhci_iproc", *_FILE_SYSTEMS),
}
DEVICE_TREES = ("sun4i-a10-cubieboard.dtb", "bcm2836-rpi-2-b.dtb")
#: U-Boot's environment names the device tree and the addresses of its board.
SCRIPT = b"""\
if test "${soc}" = sunxi; then
    setenv bootargs console=ttyS0,115200n8
else
    setenv bootargs console=ttyAMA0,115200n8 earlycon=pl011,0x3f201000
fi
setenv bootargs ${bootargs} root=/dev/mmcblk0p2 rootwait rw
load ${devtype} ${devnum}:${distro_bootpart} ${kernel_addr_r} zImage
load ${devtype} ${devnum}:${distro_bootpart} ${fdt_addr_r} ${fdtfile}
load ${devtype} ${devnum}:${distro_bootpart} ${ramdisk_addr_r} uInitrd
bootz ${kernel_addr_r} ${ramdisk_addr_r} ${fdt_addr_r}
"""
U_BOOT_AT = 0x4A00_0000  # in the Cubieboard's RAM
_SECOND_STAGE = 0x8000  # of u-boot-sunxi-with-spl.bin: U-Boot with a legacy header


class SocBoard(NamedTuple):
    """A board in `directory`, where its card, its U-Boot and its console's socket are."""

    directory: Path
    machine: str
    prompt: str  # of U-Boot
    arguments: tuple[str, ...]  # of QEMU
    more: str = ""  # lines of the device file

    @property
    def card(self) -> Path:
        """The file that stands for the SD card."""
        return self.directory / "card.img"

    @property
    def console(self) -> Path:
        """The socket to which QEMU connects its serial port."""
        return self.directory / "console.sock"

    @property
    def process(self) -> Path:
        """The file with the ID of the QEMU process."""
        return self.directory / "qemu.pid"

    @property
    def power_on(self) -> str:
        """The shell command that starts QEMU; its serial port connects to the console."""
        qemu = shlex.join((
            *("qemu-system-arm", "-M", self.machine, *self.arguments),
            *("-drive", f"if=sd,format=raw,file={self.card}", "-nic", "none"),
            *("-display", "none", "-monitor", "none"),
            *("-chardev", f"socket,id=line,path={self.console}", "-serial", "chardev:line"),
            *("-daemonize", "-pidfile", str(self.process)),
        ))  # fmt: skip
        return f"until [ -S {self.console} ]; do sleep 0.1; done; {qemu}"

    @property
    def power_off(self) -> str:
        """The shell command that ends QEMU and waits until the card is free."""
        return (
            f"if pid=$(cat {self.process} 2>/dev/null); then kill $pid; "
            f"tail --pid=$pid -f /dev/null; rm -f {self.process}; fi"
        )

    def device_file(self) -> str:
        """Return the device file."""
        return f"""\
connection:
  command: exec socat UNIX-LISTEN:{self.console},fork,unlink-early -
power:
  on: {self.power_on}
  off: "{self.power_off}"
deploy:
  method: media
  layout: image
  path: {self.card}
{self.more}"""


def make_cubieboard(place: Path) -> SocBoard:
    """Return a Cubieboard in the new directory `place`, with an empty card.

    Raise `InfrastructureError` if a package cannot be fetched.
    """
    package = image_cache.unpack_package("u-boot-sunxi")
    _make_card(place)
    second = next(package.rglob("Cubieboard/*-with-spl.bin")).read_bytes()[_SECOND_STAGE:]
    header = uimage.parse(second)
    assert header is not None, f"no U-Boot in {package}"
    firmware = place / "u-boot.bin"
    firmware.write_bytes(second[uimage.HEADER : uimage.HEADER + header.size])
    loader = f"loader,addr={U_BOOT_AT:#x}"
    return SocBoard(
        place, "cubieboard", "=> ",
        ("-m", "1024", "-device", f"{loader},file={firmware}", "-device", f"{loader},cpu-num=0"),
        "device_type: cubieboard\n",
    )  # fmt: skip


def make_raspberry_pi(place: Path) -> SocBoard:
    """Return a Raspberry Pi 2 in the new directory `place`, with an empty card.

    Raise `InfrastructureError` if a package cannot be fetched.
    """
    package = image_cache.unpack_package("u-boot-rpi")
    tree = next(image_cache.unpack_package(image_build.KERNEL).rglob(DEVICE_TREES[1]))
    _make_card(place)
    u_boot = next(package.rglob("rpi_2/u-boot.bin")).read_bytes()
    # As a kernel for QEMU, which then gives it the device tree's address.
    firmware = place / "u-boot.uimg"
    firmware.write_bytes(uimage.make(u_boot, "U-Boot", uimage.KERNEL, 0x8000, 0x8000))
    return SocBoard(
        place, "raspi2b", "U-Boot> ", ("-kernel", str(firmware), "-dtb", str(tree)),
        "device_type: raspi2b\nboot: {commands: [run bootcmd]}\n",
    )  # fmt: skip


def _make_card(place: Path) -> None:
    place.mkdir(parents=True)
    with (place / "card.img").open("wb") as card:
        card.truncate(image_build.CARD_BYTES)


def job(image: Path, names: Iterable[str]) -> dict[str, object]:
    """Return a job in which the boards `names` boot `image` and meet at a barrier."""
    definition = {
        "metadata": {"format": "Lava-Test Test Definition 1.0", "name": "boards"},
        "run": {
            "steps": [
                "lava-test-case card --shell test -b /dev/mmcblk0p2",
                "tr '\\0' '\\n' </proc/device-tree/model",
                "lava-sync both",
            ]
        },
    }
    return {
        "timeout": 900,
        "job_name": "boards",
        "device_group": [{"role": name, "device": name} for name in names],
        "actions": [
            {"command": "deploy_linaro_image", "parameters": {"image": str(image)}},
            {"command": "boot_linaro_image"},
            {"command": "lava_test_shell", "parameters": {"definitions": [definition]}},
        ],
    }


def make_image(target: Path) -> None:
    """Write one image that boots on both boards to the file `target`."""
    kernel = image_cache.unpack_package(image_build.KERNEL)
    busybox = image_build.read_busybox(image_cache.unpack_package(image_build.BUSYBOX))
    modules = KernelModules(kernel)
    files = {
        "zImage": next((kernel / "boot").glob("vmlinuz-*")).read_bytes(),
        "uInitrd": uimage.make(
            image_build.initial_root(busybox, modules, MODULES), "initrd", uimage.RAMDISK
        ),
        # The data of a script is a list of sizes, ended by 0, and the text.
        "boot.scr": uimage.make(
            len(SCRIPT).to_bytes(4, "big") + bytes(4) + SCRIPT, "boot.scr", uimage.SCRIPT
        ),
        **{name: next(kernel.rglob(name)).read_bytes() for name in DEVICE_TREES},
    }
    root = target.with_suffix(".root")
    entries = image_build.root_files(busybox, modules, image_build.ROOT_MODULES)
    make_ext4(root, image_build.ROOT.size, "rootfs", entries)
    boot = image_build.BOOT
    with target.open("w+b") as disk:
        disk.truncate(image_build.CARD_BYTES)
        for start, content in (
            (boot.start, make_fat16(files, "boot", boot.start // mbr.SECTOR, image_build.FAT)),
            (image_build.ROOT.start, root.read_bytes()),
        ):
            disk.seek(start)
            disk.write(content)
        mbr.write(disk, (boot, image_build.ROOT))
    root.unlink()
