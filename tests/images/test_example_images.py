"""The example images."""

import gzip
import hashlib
import io
import subprocess
import sys
from pathlib import Path

import pytest

from lava_dispatcher_multinode.images import example_images, ext, mbr, uimage
from lava_dispatcher_multinode.images.fat import FatVolume

from ..needs import program

SHIPPED = Path(__file__).parents[2] / "examples" / "images"


@pytest.mark.parametrize("device_type", ["panda", "beaglexm"])
def test_shipped_images_are_current(device_type):
    """The images in examples/ are those that the code makes, and they are small."""
    packed = (SHIPPED / f"{device_type}.img.gz").read_bytes()
    wanted = example_images.example_image(device_type)
    assert hashlib.sha256(gzip.decompress(packed)).digest() == hashlib.sha256(wanted).digest()
    assert len(packed) < 10_000


@pytest.mark.parametrize("device_type", ["panda", "beaglexm"])
def test_contents(device_type):
    """An image has two partitions, boot files, a kernel with a correct checksum, and a root."""
    disk = io.BytesIO(example_images.example_image(device_type))
    boot, root = mbr.read(disk)
    volume = FatVolume(disk, boot.start, boot.size)
    assert [entry.name for entry in volume.entries()] == [
        "uImage",
        "uInitrd",
        "board.dtb",
        "boot.txt",
    ]
    header = uimage.parse(volume.read("uImage"))
    assert (header.kind, header.load) == (uimage.KERNEL, 0x80008000)
    assert uimage.is_zimage(volume.read("uImage")[uimage.HEADER :])
    assert f"{example_images.KERNEL_ADDRESS:#x}".encode() in volume.read("boot.txt")
    assert ext.label(disk, root.start) == "rootfs"


@pytest.mark.needs("e2fsck")
def test_e2fsck_accepts_the_root(tmp_path):
    """e2fsck finds no error in the root partition."""
    content = example_images.example_image("panda")
    root = tmp_path / "root"
    root.write_bytes(
        content[example_images.ROOT.start : example_images.ROOT.start + example_images.ROOT.size]
    )
    subprocess.run([program("e2fsck"), "-fn", root], check=True, capture_output=True)


@pytest.mark.needs("mtools")
@pytest.mark.parametrize("device_type", ["panda", "beaglexm"])
def test_mtools_accept_the_boot_partition(tmp_path, device_type):
    """mdir and mcopy find the boot files in the shipped images."""
    image = tmp_path / "image"
    image.write_bytes(gzip.decompress((SHIPPED / f"{device_type}.img.gz").read_bytes()))
    volume = f"{image}@@{example_images.BOOT.start}"
    listing = subprocess.run(
        ["mdir", "-b", "-i", volume, "::"], capture_output=True, text=True, check=True
    )
    files = example_images.boot_files(device_type)
    assert listing.stdout.split() == [f"::/{name}" for name in files]
    subprocess.run(["mcopy", "-i", volume, "::uImage", tmp_path / "copy"], check=True)
    assert (tmp_path / "copy").read_bytes() == files["uImage"]


def test_command(tmp_path):
    """The documented command writes and prints both images."""
    program = [sys.executable, "-m", "lava_dispatcher_multinode.images.example_images"]
    program.append(str(tmp_path / "new"))
    done = subprocess.run(program, capture_output=True, text=True, check=True)
    assert [Path(line).name for line in done.stdout.split()] == ["panda.img.gz", "beaglexm.img.gz"]
    packed = (tmp_path / "new" / "panda.img.gz").read_bytes()
    assert gzip.decompress(packed) == example_images.example_image("panda")


def test_command_without_a_directory(capsys):
    """Without an argument, the command prints its usage."""
    assert example_images.main([]) == 2
    assert "usage" in capsys.readouterr().err


def test_the_examples_are_placeholders(tmp_path):
    """The example images of all boards are placeholders."""
    for board in example_images.BOARDS:
        image = tmp_path / board
        image.write_bytes(example_images.example_image(board))
        assert example_images.is_placeholder(image)


def test_other_images_are_not_placeholders(tmp_path, monkeypatch):
    """Other images are not placeholders, damaged ones included."""
    image = tmp_path / "image"
    image.write_bytes(b"")
    assert not example_images.is_placeholder(image)
    image.write_bytes(b"x" * 5000)
    assert not example_images.is_placeholder(image)
    with monkeypatch.context() as patch:
        patch.setattr(example_images, "KERNEL_NAME", "Linux-3.9-real")
        image.write_bytes(example_images.example_image("panda"))
    assert not example_images.is_placeholder(image)
