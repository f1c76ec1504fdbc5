"""Adding files to initial ramdisks."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile

import pytest

from lava_dispatcher_multinode.images import cpio
from lava_dispatcher_multinode.images.compression import DamagedFile
from lava_dispatcher_multinode.images.inject import InjectionFailed
from lava_dispatcher_multinode.images.ramdisk import add_files, add_header, strip_header

DISK = cpio.make_archive([("init", cpio.PROGRAM, b"#!/bin/sh\n")])


def test_files_are_appended(tmp_path):
    """Files are appended; a hard link becomes a separate file."""
    archive = tmp_path / "overlay.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        member = tarfile.TarInfo("lava-1/program")
        member.mode, member.size = 0o755, 7
        tar.addfile(member, io.BytesIO(b"content"))
        twin = tarfile.TarInfo("lava-1/twin")
        twin.mode, twin.type, twin.linkname = 0o755, tarfile.LNKTYPE, member.name
        tar.addfile(twin)
    both = add_files(DISK, archive, {"/lava-1/environment": b"a=1\n"})
    assert both.startswith(DISK)
    assert gzip.decompress(both[len(DISK) :]) == cpio.make_archive(
        [
            ("lava-1/program", cpio.PROGRAM, b"content"),
            ("lava-1/twin", cpio.PROGRAM, b"content"),
            ("lava-1/environment", cpio.FILE, b"a=1\n"),
        ]
    )


def test_other_formats(tmp_path):
    """A file that is not a cpio archive is an error."""
    with pytest.raises(InjectionFailed, match="not a cpio"):
        add_files(b"\x7fELF", tmp_path / "none", {})


def test_the_header_of_u_boot():
    """The header is removed and added."""
    assert strip_header(add_header(DISK)) == strip_header(DISK) == DISK


@pytest.mark.parametrize(
    "pack",
    [
        gzip.compress,
        bz2.compress,
        lzma.compress,
        lambda data: lzma.compress(data, lzma.FORMAT_ALONE),
    ],
)
def test_a_truncated_ramdisk(tmp_path, pack):
    """A truncated ramdisk is an error, as a kernel would not find appended files."""
    with tarfile.open(tmp_path / "overlay.tar.gz", "w:gz"):
        pass
    packed = pack(DISK + bytes(range(256)) * 40)
    # A complete archive may be followed by one with another compression.
    for whole in (packed, packed + DISK):
        assert add_files(whole, tmp_path / "overlay.tar.gz", {}).startswith(whole)
    with pytest.raises(DamagedFile, match="truncated"):
        add_files(packed[: len(packed) * 2 // 3], tmp_path / "overlay.tar.gz", {})
