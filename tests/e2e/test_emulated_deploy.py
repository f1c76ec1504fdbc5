"""All deployment and overlay delivery methods, with a real U-Boot and a real Linux."""

from __future__ import annotations

import gzip
import json
import random
import subprocess

import pytest

from lava_dispatcher_multinode.images import cpio, ext, mbr
from lava_dispatcher_multinode.images.fat import FatVolume
from lava_dispatcher_multinode.images.fat_make import make_fat16

from ..needs import U_BOOT, require

MIB = 1 << 20

RUN_TIMEOUT_S = 400  # on a busy host
pytestmark = [pytest.mark.slow, pytest.mark.timeout(RUN_TIMEOUT_S + 100)]

#: Prints its root file system and its content, so the test cannot pass on another system.
DEFINITION = {
    "metadata": {"format": "Lava-Test Test Definition 1.0", "name": "deployed"},
    "run": {
        "steps": [
            "lava-test-case arm --shell 'uname -m | grep armv7'",
            "lava-test-case name --shell 'test \"$(lava-self)\" = board01'",
            "echo root: $(grep -o 'root=[^ ]*' /proc/cmdline)",
        ]
    },
}


INIT = b"""#!/bin/sh
mount -t devtmpfs dev /dev
exec /sbin/init </dev/console >/dev/console 2>&1
"""


@pytest.fixture
def deploy(dispatch, tmp_path):
    """Return a function that deploys to an emulated panda with a device file and runs a test."""

    def run(device, action, **parameters):
        devices = tmp_path / "lab" / "devices"
        devices.mkdir(parents=True)
        text = {"device_type": "panda", "connection": {"qemu": {}}, **device}
        (devices / "board01.yaml").write_text(json.dumps(text))
        job = {
            "job_name": "deploy",
            "target": "board01",
            "timeout": RUN_TIMEOUT_S - 100,
            "actions": [
                {"command": action, "parameters": parameters},
                {"command": "lava_test_shell", "parameters": {"definitions": [DEFINITION]}},
            ],
        }
        (tmp_path / "job.json").write_text(json.dumps(job))
        done = dispatch(
            "--config-dir", tmp_path / "lab", tmp_path / "job.json", limit=RUN_TIMEOUT_S
        )
        assert done.code == 0, done.out[-4000:] + done.err
        assert done.cases("board01") == {"arm": "pass", "name": "pass"}
        return [event["text"] for event in done.events if event["event"] == "step"], done

    return run


def test_media_with_the_overlay_in_the_image(deploy, test_image, tmp_path):
    """A compressed image is streamed to the SD card, with the overlay in it."""
    packed = tmp_path / "card.img.gz"
    with packed.open("wb") as target:
        subprocess.run(["gzip", "-1", "-c", str(test_image)], stdout=target, check=True)
    steps, run = deploy({"deploy": {"layout": "image"}, **_BOOT_IMAGE}, "deploy_linaro_image",
                        image=str(packed))  # fmt: skip
    assert any(step.endswith("the image contains it") for step in steps)
    assert not any(step.startswith("unpacking") for step in steps)
    assert b"root: root=/dev/vda2" in run.console("board01")


@pytest.mark.parametrize("way", ["http", "console"])
def test_media_with_the_overlay_after_boot(deploy, test_image, way):
    """The board downloads the overlay or receives it over the console, as configured."""
    steps, _ = deploy({"overlay": [way]}, "deploy_linaro_image", image=str(test_image))
    start = "delivering the overlay over "
    ways = [step[len(start) :].partition(":")[0] for step in steps if step.startswith(start)]
    assert ways == [{"http": "HTTP", "console": "the console"}[way]]


@pytest.fixture
def boot_files(test_image, tmp_path):
    """Return kernel, ramdisk and device tree for TFTP; the ramdisk is a complete system."""
    with test_image.open("rb") as disk:
        boot = next(part for part in mbr.read(disk) if part.number == 1)
        volume = FatVolume(disk, boot.start, boot.size)
        (tmp_path / "uImage").write_bytes(volume.read("uImage"))
    (tmp_path / "root.cpio.gz").write_bytes(gzip.compress(_system(), 1))
    subprocess.run(
        ["qemu-system-arm", "-M", f"virt,dumpdtb={tmp_path}/virt.dtb", "-cpu", "cortex-a15",
         "-m", "256", "-display", "none", "-nic", "none", "-bios", str(U_BOOT)],
        check=True, capture_output=True,
    )  # fmt: skip
    return {"kernel": "uImage", "ramdisk": "root.cpio.gz", "dtb": "virt.dtb"}


def test_tftp_with_the_overlay_in_the_ramdisk(deploy, boot_files):
    """U-Boot downloads all three files from the dispatcher's TFTP server and boots them."""
    host = f"127.{random.randint(2, 250)}.{random.randint(1, 250)}.1"
    require("TFTP port")
    tftp = {
        "setup": ["setenv autoload no", "dhcp"],
        "host": host,  # QEMU's own TFTP server uses 10.0.2.2
        "kernel": "0x48000000",
        "ramdisk": "0x4b000000",
        "dtb": "0x4a000000",
        "bootargs": "console=ttyAMA0,115200n8",
    }
    device = {"deploy": {"method": "tftp", "tftp": tftp}}
    steps, run = deploy(device, "deploy_linaro_kernel", **boot_files)
    assert any(step.endswith("the image contains it") for step in steps)
    assert run.console("board01").count(b"Bytes transferred = ") == 3


def test_master_as_in_2013(deploy, test_image, tmp_path):
    """The master image creates both file systems, downloads both partitions and the overlay.

    The test image is its own master, on the card's first partitions.
    """
    card = tmp_path / "card.img"
    _make_master_card(card, test_image)
    boot = (
        "setenv bootcmd 'fatload virtio 0:1 0x48000000 uImage; "
        "fatload virtio 0:1 0x4b000000 uInitrd; bootm 0x48000000 0x4b000000 ${fdtcontroladdr}'"
    )
    args = "setenv bootargs 'console=ttyAMA0,115200n8 root=/dev/vda2 rootwait rw'"
    device = {
        "deploy": {
            "method": "master",
            "path": str(card),
            "master": {"commands": [boot, args, "boot"]},
        }
    }
    steps, run = deploy(device, "deploy_linaro_image", image=str(test_image))
    assert any(step.endswith("the image contains it") for step in steps)
    assert b"root: root=LABEL=testrootfs" in run.console("board01")
    with card.open("rb") as disk:
        parts = {part.number: part for part in mbr.read(disk)}
        label = FatVolume(disk, parts[3].start, parts[3].size).label
        assert label.rstrip("\0") == "testboot"  # as BusyBox pads it
        assert ext.label(disk, parts[5].start) == "testrootfs"


def _make_master_card(card, image):
    """Return an SD card of 2013: the master image, and two empty partitions with labels."""
    with image.open("rb") as source, card.open("w+b") as disk:
        boot, root = (part for part in mbr.read(source) if part.number in {1, 2})
        third = mbr.Partition(3, root.start + root.size + MIB, 40 * MIB, mbr.FAT16)
        outer = third.start + third.size
        fifth = mbr.Partition(5, outer + MIB, 88 * MIB, mbr.LINUX)
        fourth = mbr.Partition(4, outer, 89 * MIB, mbr.EXTENDED[1])
        disk.truncate(256 * MIB)
        for part in (boot, root):
            source.seek(part.start)
            disk.seek(part.start)
            disk.write(source.read(part.size))
        disk.seek(third.start)
        disk.write(make_fat16({}, "testboot", third.start // mbr.SECTOR))
        disk.seek(fifth.start)
        disk.write(ext.make_ext2("testrootfs"))
        mbr.write(disk, (boot, root, third, fourth, fifth))


def _system():
    """Return an archive with the test image's root file system and an init program."""
    from lava_dispatcher_multinode.qemu.debian import DebianPackages
    from lava_dispatcher_multinode.qemu.test_image import image_build
    from lava_dispatcher_multinode.qemu.test_image.image_cache import cache_directory
    from lava_dispatcher_multinode.qemu.test_image.kernel_modules import KernelModules

    packages = DebianPackages(cache_directory() / "debian", lambda _: None)
    modules = KernelModules(packages.unpack(image_build.KERNEL))
    busybox = (packages.unpack(image_build.BUSYBOX) / "bin" / "busybox").read_bytes()
    return cpio.make_archive(
        [
            *image_build.root_files(busybox, modules, image_build.ROOT_MODULES),
            ("init", cpio.PROGRAM, INIT),
        ]
    )


#: Boots the image from its own partitions, not from those of the 2013 layout.
_BOOT_IMAGE = {
    "boot": {
        "commands": [
            "setenv bootargs 'console=ttyAMA0,115200n8 root=/dev/vda2 rootwait rw'",
            "fatload virtio 0:1 0x48000000 uImage",
            "fatload virtio 0:1 0x4b000000 uInitrd",
            "bootm 0x48000000 0x4b000000 ${fdtcontroladdr}",
        ]
    }
}
