"""Making FAT16 volumes."""

import shutil
import subprocess

import pytest

from lava_dispatcher_multinode.images.fat import FatVolume
from lava_dispatcher_multinode.images.fat_make import SMALL, Geometry, make_fat16


def test_reproducible():
    """The same files give the same bytes."""
    assert make_fat16({"a": b"1"}, "boot") == make_fat16({"a": b"1"}, "boot")
    assert len(make_fat16({}, "boot")) == SMALL.size


def test_too_much():
    """Files that do not fit are an error."""
    with pytest.raises(ValueError, match="do not fit"):
        make_fat16({"a": b"x" * SMALL.size}, "boot")


@pytest.mark.needs("mtools")
def test_mtools_and_fsck(tmp_path):
    """mtools finds the files with their content; fsck.fat finds no error."""
    image = tmp_path / "fat"
    image.write_bytes(make_fat16({"uImage": b"k" * 3000, "long file name.txt": b"t"}, "boot"))
    listing = subprocess.run(
        ["mdir", "-b", "-i", image, "::"], capture_output=True, check=True, text=True
    )
    assert listing.stdout.split("\n")[:2] == ["::/uImage", "::/long file name.txt"]
    copied = subprocess.run(["mtype", "-i", image, "::uImage"], capture_output=True, check=True)
    assert copied.stdout == b"k" * 3000
    fsck = shutil.which("fsck.fat", path="/sbin:/usr/sbin:/bin:/usr/bin")
    if fsck:
        subprocess.run([fsck, "-n", image], check=True, capture_output=True)


def test_a_large_volume(tmp_path):
    """mtools and fsck.fat accept a large volume too."""
    geometry = Geometry(8, 10000)
    image = tmp_path / "fat"
    image.write_bytes(make_fat16({"uImage": b"k" * 9000000}, "boot", 2048, geometry))
    assert image.stat().st_size == geometry.size
    with image.open("rb") as disk:
        assert FatVolume(disk, 0, geometry.size).read("uImage") == b"k" * 9000000
    fsck = shutil.which("fsck.fat", path="/sbin:/usr/sbin:/bin:/usr/bin")
    if fsck:
        subprocess.run([fsck, "-n", image], check=True, capture_output=True)
