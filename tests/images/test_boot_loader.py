"""The boot loader in partition 1 of the master layout, checked with independent tools."""

from __future__ import annotations

import json
import os
import subprocess

import pytest

from lava_dispatcher_multinode.boards.deploy.media import write_media
from lava_dispatcher_multinode.deadline import Deadline
from lava_dispatcher_multinode.errors import DeployError
from lava_dispatcher_multinode.images import ext, mbr
from lava_dispatcher_multinode.images.card import write_card
from lava_dispatcher_multinode.images.store import Image
from lava_dispatcher_multinode.lab.deploy_sections import Deploy
from lava_dispatcher_multinode.lab.device_model import Device
from lava_dispatcher_multinode.lab.device_sections import ConsoleConnection

from ..needs import require

pytestmark = pytest.mark.slow

MIB = 1 << 20
ENV = {**os.environ, "PATH": f"{os.environ['PATH']}:/sbin:/usr/sbin", "MTOOLS_SKIP_CHECK": "1"}
MLO, U_BOOT = b"\x40\0\0\0CHSETTINGS" + b"m" * 90_001, b"\x27\x05\x19\x56" + b"u" * 700_000
KERNEL = {"uImage": b"k" * 3000}
WHOLE = {**KERNEL, "u-boot.img": U_BOOT, "MLO": MLO}


@pytest.fixture
def make(tmp_path):
    """A function that makes an image: a FAT by mkfs.fat and mtools, and an ext2."""
    require("mkfs.fat", "mcopy", "sfdisk", "fsck.fat")

    def image(files, bits=16, mib=16):
        fat = tmp_path / "fat"
        run("mkfs.fat", "-F", bits, "-s", 1, "-C", fat, mib * 1024)
        for name, content in files.items():
            (tmp_path / name).write_bytes(content)
            run("mcopy", "-i", fat, tmp_path / name, f"::{name}")
        path, end = tmp_path / "disk.img", (1 + mib) * MIB
        root = ext.make_ext2("rootfs")
        with path.open("w+b") as disk:
            disk.write(bytes(MIB) + fat.read_bytes() + root)
            boot = mbr.Partition(1, MIB, mib * MIB, mbr.FAT16, bootable=True)
            mbr.write(disk, [boot, mbr.Partition(2, end, len(root), mbr.LINUX)])
        fat.unlink()
        return path

    return image


def run(*command):
    """Run a program; return its output."""
    words = [str(word) for word in command]
    done = subprocess.run(words, check=True, capture_output=True, text=True, env=ENV)
    return done.stdout


def table(card):
    """Return (start, sectors, type, active) of each partition from sfdisk."""
    parts = json.loads(run("sfdisk", "--json", card))["partitiontable"]["partitions"]
    return [(p["start"], p["size"], p["type"], p.get("bootable", False)) for p in parts]


def files_of(card, start, where):
    """Return the files of the FAT at this sector from mtools."""
    at = f"{card}@@{start * 512}"
    where.mkdir()
    listing = run("mdir", "-b", "-i", at, "::").split()
    for name in listing:
        run("mcopy", "-n", "-i", at, name, where)
    return {path.name: path.read_bytes() for path in where.iterdir()}


@pytest.mark.parametrize(("bits", "mib"), [(12, 2), (16, 16), (32, 40)])
def test_the_boot_loader_is_in_partition_1(make, tmp_path, bits, mib):
    """U-Boot is in partition 1, and MLO in the active partition."""
    image = make(WHOLE, bits, mib)
    card = tmp_path / "card"
    assert write_card(image, card, "master") == ()
    found = table(card)
    assert [entry[2:] for entry in found] == [
        ("e", True), ("83", False), ("e", False), ("f", False), ("83", False),
    ]  # fmt: skip
    assert files_of(card, found[0][0], tmp_path / "1") == {"MLO": MLO, "u-boot.img": U_BOOT}
    assert files_of(card, found[2][0], tmp_path / "3") == WHOLE
    # The files for the boot commands of 2013 are unchanged.
    old, new = image.read_bytes()[MIB:][: mib * MIB], card.read_bytes()[found[2][0] * 512 :]
    blocks = range(0, len(old), 512)
    # The first sector has label and position, the root directory the label.
    assert len([at for at in blocks if old[at : at + 512] != new[at : at + 512]]) == 2


@pytest.mark.parametrize("files", [WHOLE, KERNEL])
def test_partition_1_is_a_clean_fat(make, tmp_path, files):
    """fsck.fat finds no error, and MLO comes first, with a short name only."""
    card, part = tmp_path / "card", tmp_path / "part"
    write_card(make(files), card, "master")
    start, sectors = table(card)[0][:2]
    part.write_bytes(card.read_bytes()[start * 512 :][: sectors * 512])
    run("fsck.fat", "-n", part)
    root = part.read_bytes()[(1 + 2 * 17) * 512 :]
    assert root[:12] == b"boot       \x08"
    assert root[32:44] == (b"MLO        \x20" if files is WHOLE else bytes(12))


def test_x_loader_finds_u_boot(make, tmp_path):
    """u-boot.bin, the name for X-Loader, is copied too."""
    card = tmp_path / "card"
    write_card(make({"MLO": MLO, "u-boot.bin": U_BOOT}), card, "master")
    assert files_of(card, table(card)[0][0], tmp_path / "1") == {"MLO": MLO, "u-boot.bin": U_BOOT}


def test_an_image_without_mlo(make, tmp_path):
    """Without MLO, an old boot loader is removed and the boot partition is active."""
    card = tmp_path / "card"
    assert write_card(make(KERNEL), card, "master") == ("MLO", "u-boot.img or u-boot.bin")
    assert [entry[3] for entry in table(card)] == [False, False, True, False, False]
    assert files_of(card, table(card)[0][0], tmp_path / "1") == {}
    assert write_card(make({**KERNEL, "MLO": MLO}), card, "master") == (
        "u-boot.img or u-boot.bin",
    )


def test_a_boot_loader_that_is_too_large(make, tmp_path):
    """The error has size and remedy; a boot loader that just fits is accepted."""
    room = 4096 * 2048
    write_card(make({"MLO": MLO, "u-boot.img": bytes(room - 44 * 2048)}), tmp_path / "a", "master")
    for size in (room - 44 * 2048 + 1, 3 * room // 2):
        image = make({"MLO": MLO, "u-boot.img": bytes(size)})
        with pytest.raises(DeployError, match=r"MLO, u-boot\.img do not fit .* 8 MiB.*layout"):
            write_card(image, tmp_path / "b", "master")


@pytest.mark.parametrize(
    ("files", "layout", "simulated", "warned"),
    [
        (KERNEL, "master", False, True),
        (WHOLE, "master", False, False),
        (KERNEL, "image", False, False),
        (KERNEL, "master", True, False),
    ],
)
def test_a_card_that_may_not_start_a_board_is_named(
    make, tmp_path, files, layout, simulated, warned
):
    """A card without a boot loader for a real board causes a warning only."""
    image = make(files)
    device = Device(
        "b1",
        "panda",
        connection=ConsoleConnection(simulated=simulated),
        deploy=Deploy(method="media", layout=layout),
    )
    steps = []
    write_media(
        device,
        str(tmp_path / "card"),
        Image("disk.img", image, tmp_path / "unpacked"),
        None,
        Deadline(60, "test"),
        steps.append,
    )
    warning = (
        "warning: the boot partition of disk.img has no MLO and no u-boot.img or u-boot.bin: a "
        "board that reads its boot loader from partition 1 of the card does not start; where the "
        "image has it elsewhere, set deploy.layout: image"
    )
    assert (warning in steps) == warned
    assert any("warning" in step for step in steps) == warned
