"""ext superblocks, and new ext2 file systems."""

import io
import subprocess

import pytest

from lava_dispatcher_multinode.errors import DeployError
from lava_dispatcher_multinode.images import ext

from ..needs import program, require


def tool(name):
    """Return the path of a program; skip the test if it is missing."""
    require(name)
    return program(name)


def test_crc32c():
    """The checksum has the published check value of CRC-32C, not inverted."""
    assert ext.crc32c(b"123456789") ^ 0xFFFFFFFF == 0xE3069283


def test_label_is_read_and_set():
    """Setting a label changes nothing else."""
    before = ext.make_ext2("rootfs")
    file = io.BytesIO(before)
    assert ext.label(file, 0) == "rootfs"
    ext.set_label(file, 0, "testrootfs")
    assert ext.label(file, 0) == "testrootfs"
    after = file.getvalue()
    assert (after[:1144], after[1160:]) == (before[:1144], before[1160:])


def test_label_too_long():
    """A label of more than 16 bytes is a ValueError."""
    with pytest.raises(ValueError, match="16"):
        ext.set_label(io.BytesIO(ext.make_ext2("x")), 0, "seventeen bytes!!")


@pytest.mark.parametrize("content", [b"", b"\0" * 4096])
def test_not_ext(content):
    """Other content is an error."""
    with pytest.raises(DeployError, match="no ext2"):
        ext.label(io.BytesIO(content), 0)


@pytest.mark.parametrize("blocks", [256, 1024, 8192])
def test_e2fsck_accepts_it(tmp_path, blocks):
    """e2fsck finds no error in a new file system."""
    image = tmp_path / "ext2"
    image.write_bytes(ext.make_ext2("rootfs", blocks))
    subprocess.run([tool("e2fsck"), "-fn", image], check=True, capture_output=True)


@pytest.mark.parametrize("blocks", [255, 8193])
def test_size_out_of_range(blocks):
    """Sizes outside one block group are errors."""
    with pytest.raises(ValueError, match="256 to 8192"):
        ext.make_ext2("x", blocks)


def test_label_of_a_modern_ext4(tmp_path):
    """Setting the label of an ext4 updates its checksum, as e2fsck and dumpe2fs confirm."""
    image = tmp_path / "ext4"
    with image.open("wb") as file:
        file.truncate(8 << 20)
    command = [tool("mkfs.ext4"), "-q", "-O", "metadata_csum", "-L", "old", image]
    subprocess.run(command, check=True)
    with image.open("r+b") as file:
        ext.set_label(file, 0, "testrootfs")
        assert ext.uuid(file, 0).count("-") == 4
    subprocess.run([tool("e2fsck"), "-fn", image], check=True, capture_output=True)
    seen = subprocess.run(
        [tool("dumpe2fs"), "-h", image], capture_output=True, text=True, check=True
    )
    assert "testrootfs" in seen.stdout
    with image.open("rb") as file:
        assert ext.uuid(file, 0) in seen.stdout
