"""Reading FAT volumes and setting their label."""

import io
import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lava_dispatcher_multinode.errors import DeployError
from lava_dispatcher_multinode.images.fat import FatVolume
from lava_dispatcher_multinode.images.fat_make import SMALL, make_fat16

from ..needs import program

FILES = {
    "uImage": b"k" * 5000,
    "board.dtb": b"d" * 512,
    "empty": b"",
    "a rather long name.text": b"long",
}


def volume(content):
    """Return the volume with the bytes `content`."""
    file = io.BytesIO(content)
    return FatVolume(file, 0, len(content))


def test_files_are_read():
    """Every file is found by its long name, with its content."""
    fat = volume(make_fat16(FILES, "boot"))
    assert [entry.name for entry in fat.entries()] == list(FILES)
    assert {name: fat.read(name) for name in FILES} == FILES


def test_case_is_ignored():
    """Names are compared without case, as in U-Boot."""
    assert volume(make_fat16(FILES, "boot")).read("/UIMAGE") == FILES["uImage"]


def test_limit():
    """`limit` bounds the bytes read."""
    assert volume(make_fat16(FILES, "boot")).read("uImage", 100) == b"k" * 100


@pytest.mark.parametrize("path", ["missing", "no/such", "uImage/x"])
def test_missing(path):
    """A missing file is a FileNotFoundError."""
    with pytest.raises(FileNotFoundError):
        volume(make_fat16(FILES, "boot")).read(path)


def test_label_is_set_at_both_places():
    """The label is set in root directory and first sector."""
    file = io.BytesIO(make_fat16(FILES, "boot"))
    FatVolume(file, 0, SMALL.size).set_label("testboot")
    assert FatVolume(file, 0, SMALL.size).label == "testboot"
    assert file.getvalue()[43:54] == b"testboot   "
    assert FatVolume(file, 0, SMALL.size).read("uImage") == FILES["uImage"]


def test_label_without_an_entry():
    """A root directory without a label gets one."""
    content = bytearray(make_fat16({}, "boot"))
    root = content.index(b"boot       \x08")
    content[root] = 0
    file = io.BytesIO(content)
    FatVolume(file, 0, SMALL.size).set_label("testboot")
    assert FatVolume(file, 0, SMALL.size).label == "testboot"


def test_label_too_long():
    """A label of more than 11 characters is a ValueError."""
    with pytest.raises(ValueError, match="11"):
        volume(make_fat16({}, "boot")).set_label("twelve chars")


@pytest.mark.parametrize("content", [b"", b"\0" * 512, b"\xff" * 510 + b"\x55\xaa", b"x" * 4096])
def test_not_fat(content):
    """Other content is an error."""
    with pytest.raises(DeployError, match="not a FAT"):
        volume(content)


def test_truncated_volumes():
    """A volume larger than its partition is an error."""
    content = make_fat16(FILES, "boot")
    with pytest.raises(DeployError, match="truncated"):
        FatVolume(io.BytesIO(content), 0, SMALL.size - 512)


def test_chain_that_ends_early():
    """A file larger than its clusters is an error, not a short file."""
    content = bytearray(make_fat16({"f": b"x" * 2000}, "boot"))
    content[512 + 2 * 2 : 512 + 2 * 2 + 2] = b"\xff\xff"
    with pytest.raises(DeployError, match="truncated"):
        volume(bytes(content)).read("f")


def test_cyclic_chain():
    """A file with a cyclic chain is read up to its size."""
    content = bytearray(make_fat16({"f": b"x" * 2000}, "boot"))
    content[512 + 4 : 512 + 6] = b"\x02\x00"
    assert volume(bytes(content)).read("f") == (b"x" * 512 * 4)[:2000]


@given(st.binary(min_size=62, max_size=62), st.data())
def test_any_volume_is_read_or_refused(head, data):
    """Any first sector and directory give files or a known error."""
    content = bytearray(make_fat16({"uImage": b"x" * 3000}, "boot"))
    where = data.draw(st.sampled_from([0, 512, content.index(b"boot       \x08")]))
    start = data.draw(st.integers(0, 61))
    content[where + start : where + 62] = head[start:]
    try:
        fat = volume(bytes(content))
        for entry in fat.entries():
            fat.read(entry.name, 10000)
    except (DeployError, FileNotFoundError):
        pass


@pytest.mark.needs("mkfs.fat", "mtools")
@pytest.mark.parametrize(
    ("bits", "kib", "options"),
    [
        (12, 1440, []),
        (16, 16384, ["-F", "16"]),
        (32, 40960, ["-F", "32", "-s", "1"]),
    ],
)
def test_volumes_of_dosfstools(tmp_path, bits, kib, options):
    """FAT12, FAT16 and FAT32 made by dosfstools and mtools are read, with directories."""
    image, source = tmp_path / "fat", tmp_path / "vmlinuz-3.9.0-long-name"
    source.write_bytes(bytes(range(256)) * 300)
    subprocess.run(
        [program("mkfs.fat"), *options, "-n", "ORIGINAL", "-C", image, str(kib)],
        check=True,
        capture_output=True,
    )
    for command in (
        ["mmd", "-i", image, "::sub"],
        ["mcopy", "-i", image, source, "::sub/"],
        ["mcopy", "-i", image, source, "::uimage"],
    ):
        subprocess.run(command, check=True)
    with image.open("r+b") as file:
        fat = FatVolume(file, 0, kib * 1024)
        assert (fat.bits, fat.label) == (bits, "ORIGINAL")
        assert fat.read("sub/vmlinuz-3.9.0-long-name") == source.read_bytes()
        assert [entry.name for entry in fat.entries()] == ["sub", "uimage"]
        fat.set_label("testboot")
    fsck = shutil.which("fsck.fat", path="/sbin:/usr/sbin:/bin:/usr/bin")
    checked = subprocess.run([fsck, "-n", image], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout
