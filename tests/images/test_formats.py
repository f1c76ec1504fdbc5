"""Files that are no raw disk image are refused with the name of their format."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import struct
import subprocess
import tarfile
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lava_dispatcher_multinode.errors import DeployError
from lava_dispatcher_multinode.images import card, formats, mbr

from ..needs import program, require

RAW = bytes(range(256)) * 4096


#: Disk format of qemu-img -> its name here.
QEMU_FORMATS = {
    "qcow2": "a qcow2 disk, .*qemu-img convert",
    "vmdk": "a VMDK disk",
    "vdi": "a VirtualBox disk",
    "vpc": "a VHD disk",
    "vhdx": "a VHDX disk",
}


def by_program(tmp_path, *words):
    """Return the output file of a program, for which {in} and {out} stand in its words."""
    require(words[0])
    source, target = tmp_path / "in", tmp_path / "out"
    source.write_bytes(RAW)
    command = [word.format(**{"in": source, "out": target}) for word in words]
    subprocess.run([program(command[0]), *command[1:]], check=True, capture_output=True)
    (made,) = tmp_path.glob("out*")  # 7z adds an ending
    return made.read_bytes()


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (("lz4", "-q", "{in}", "{out}"), "an lz4 file, .*lz4 -d"),
        (("lz4", "-q", "-l", "{in}", "{out}"), "an lz4 file .legacy"),
        (("7z", "a", "-t7z", "-y", "-bd", "{out}", "{in}"), "a 7-Zip archive"),
        *(
            (("qemu-img", "convert", "-f", "raw", "-O", kind, "{in}", "{out}"), name)
            for kind, name in QEMU_FORMATS.items()
        ),
        (
            ("mkimage", "-A", "arm", "-T", "kernel", "-C", "none", "-d", "{in}", "{out}"),
            "a U-Boot image",
        ),
    ],
)
def test_files_of_the_real_tools(tmp_path, words, name):
    """What the tools of the formats write is named, with what to do."""
    content = by_program(tmp_path, *words)
    with pytest.raises(DeployError, match=f"the image is {name}"):
        card.write_card(io.BytesIO(content), tmp_path / "card", "image")
    assert not (tmp_path / "card").exists()  # refused before the first byte


def zip_file():
    """Return a zip archive."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("card.img", RAW)
    return file.getvalue()


def tar_file():
    """Return a tar archive."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("card.img"))
    return file.getvalue()


#: The header of an Android sparse image, version 1.0.
SPARSE = struct.pack("<IHHHHIIII", 0xED26FF3A, 1, 0, 28, 12, 4096, 1, 0, 0).ljust(600, b"\0")


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (SPARSE, "an Android sparse image, .*simg2img"),
        (zip_file(), "a zip archive"),
        (tar_file(), "a tar archive"),
        (lzma.compress(RAW, lzma.FORMAT_ALONE), "an lzma file"),
        (b"<!doctype HTML><title>login</title>", "a web page"),
        (gzip.compress(RAW), "compressed twice .with .gz"),
        (bz2.compress(RAW), "compressed twice .with .bz2"),
        (lzma.compress(RAW), "compressed twice .with .xz"),
    ],
)
@pytest.mark.parametrize("layout", card.LAYOUTS)
def test_other_formats(tmp_path, content, name, layout):
    """Formats are named in both layouts, also inside a compressed file."""
    with (
        gzip.open(io.BytesIO(gzip.compress(content))) as stream,
        pytest.raises(DeployError, match=f"the image is {name}"),
    ):
        card.write_card(stream, tmp_path / "card", layout)


@given(st.binary(min_size=446, max_size=446), st.binary(max_size=64))
def test_disks_and_file_systems_are_raw(code, entry):
    """A first sector with zeros or x86 code at its start is that of a raw image."""
    disk = io.BytesIO(b"\xeb\x63\x90" + code[3:] + entry.ljust(64, b"\0") + b"\x55\xaa")
    mbr.size_of(disk)
    if disk.getvalue()[257:262] != b"ustar":
        assert formats.find(disk.getvalue()) is None
    assert formats.find(bytes(512)) is None
    assert formats.find(b"") is None
