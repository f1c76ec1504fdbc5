"""ext superblocks."""

import io
import subprocess

import pytest

from lava_dispatcher_multinode.errors import DeployError
from lava_dispatcher_multinode.images import ext

from ..needs import program, require


def tool(name):
    """Return where a program is; skip the test if nowhere."""
    require(name)
    return program(name)


def test_crc32c():
    """The checksum is Castagnoli's: its published check value, not inverted."""
    assert ext.crc32c(b"123456789") ^ 0xFFFFFFFF == 0xE3069283


def test_label_is_read_and_set():
    """A label goes in and comes out; the rest stays as it was."""
    before = ext.make_ext2("rootfs")
    file = io.BytesIO(before)
    assert ext.label(file, 0) == "rootfs"
    ext.set_label(file, 0, "testrootfs")
    assert ext.label(file, 0) == "testrootfs"
    after = file.getvalue()
    assert (after[:1144], after[1160:]) == (before[:1144], before[1160:])


def test_label_too_long():
    """A label of more than sixteen bytes is the caller's mistake."""
    with pytest.raises(ValueError, match="16"):
        ext.set_label(io.BytesIO(ext.make_ext2("x")), 0, "seventeen bytes!!")


@pytest.mark.parametrize("content", [b"", b"\0" * 4096])
def test_not_ext(content):
    """What is no ext file system is refused."""
    with pytest.raises(DeployError, match="no ext2"):
        ext.label(io.BytesIO(content), 0)


@pytest.mark.parametrize("blocks", [256, 1024, 8192])
def test_e2fsck_accepts_it(tmp_path, blocks):
    """A file system made here has no fault that e2fsck would find."""
    image = tmp_path / "ext2"
    image.write_bytes(ext.make_ext2("rootfs", blocks))
    subprocess.run([tool("e2fsck"), "-fn", image], check=True, capture_output=True)


@pytest.mark.parametrize("blocks", [255, 8193])
def test_size_out_of_range(blocks):
    """Sizes that one block group cannot have are refused."""
    with pytest.raises(ValueError, match="256 to 8192"):
        ext.make_ext2("x", blocks)


def test_label_of_a_modern_ext4(tmp_path):
    """An ext4 with metadata checksums keeps a right checksum: e2fsck and dumpe2fs agree."""
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
