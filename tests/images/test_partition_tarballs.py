"""Packing the partitions of an image into tarballs."""

from __future__ import annotations

import os
import subprocess
import tarfile

import pytest

from lava_dispatcher_multinode.deadline import Deadline
from lava_dispatcher_multinode.errors import DeployError
from lava_dispatcher_multinode.images import mbr
from lava_dispatcher_multinode.images.example_images import boot_files
from lava_dispatcher_multinode.images.partition_tarballs import (
    write_boot_tarball,
    write_root_tarball,
)

PATH = f"{os.environ['PATH']}:/usr/sbin:/sbin"
MIB = 1 << 20

needs_tools = pytest.mark.needs("debugfs", "mke2fs", "fakeroot")


@pytest.fixture
def image(panda, tmp_path):
    """The example image as a file."""
    path = tmp_path / "card.img"
    path.write_bytes(panda.getvalue())
    return path


def test_boot_files(image, tmp_path):
    """All files of the boot partition are packed unchanged."""
    write_boot_tarball(image, tmp_path / "boot.tgz")
    with tarfile.open(tmp_path / "boot.tgz") as tar:
        found = {member.name: tar.extractfile(member).read() for member in tar}
    assert found == boot_files("panda")


@needs_tools
def test_the_root_keeps_owners_modes_and_links(tmp_path):
    """The root keeps owners, modes and links, for any user; lost+found is left out."""
    tree, disk = tmp_path / "tree", tmp_path / "disk.img"
    (tree / "bin").mkdir(parents=True)
    (tree / "bin" / "su").write_bytes(b"su")
    (tree / "bin" / "su").chmod(0o4755)
    (tree / "sh").symlink_to("bin/su")
    part = tmp_path / "part"
    owner = f"chown 12:34 {tree}/bin/su && chmod 4755 {tree}/bin/su"
    make = f"mke2fs -q -t ext4 -d {tree} {part} 4m"
    subprocess.run(
        ["fakeroot", "sh", "-c", f"{owner} && {make}"],
        check=True,
        capture_output=True,
        env={**os.environ, "PATH": PATH},
    )
    with disk.open("w+b") as file:
        file.truncate(6 * MIB)
        mbr.write(file, [mbr.Partition(2, MIB, 4 * MIB, mbr.LINUX)])
        file.seek(MIB)
        file.write(part.read_bytes())
    write_root_tarball(disk, tmp_path / "root.tgz", Deadline(60, "test"))
    with tarfile.open(tmp_path / "root.tgz") as tar:
        found = {member.name.removeprefix("./"): member for member in tar}
    assert "lost+found" not in found
    su = found["bin/su"]
    assert (su.uid, su.gid, su.mode) == (12, 34, 0o4755)
    assert found["sh"].linkname == "bin/su"


def test_unusable_images(tmp_path):
    """A missing partition and a root that is not ext are errors."""
    disk = tmp_path / "disk.img"
    with disk.open("w+b") as file:
        file.truncate(6 * MIB)
        mbr.write(file, [mbr.Partition(2, MIB, 4 * MIB, mbr.LINUX)])
    with pytest.raises(DeployError, match="no partition 1"):
        write_boot_tarball(disk, tmp_path / "boot.tgz")
    with pytest.raises(DeployError, match="no ext2, ext3 or ext4"):
        write_root_tarball(disk, tmp_path / "root.tgz", Deadline(60, "test"))


def ext_disk(tmp_path, script, change=lambda data: data):
    """Return an image whose second partition is made by a debugfs `script` and `change`."""
    part, disk = tmp_path / "part", tmp_path / "disk.img"
    run = {"check": True, "capture_output": True, "env": {**os.environ, "PATH": PATH}}
    subprocess.run(["mke2fs", "-q", "-b", "1024", part, "4m"], **run)
    subprocess.run(["debugfs", "-w", "-f", "-", part], input=script.encode(), **run)
    with disk.open("w+b") as file:
        file.truncate(6 * MIB)
        mbr.write(file, [mbr.Partition(2, MIB, 4 * MIB, mbr.LINUX)])
        file.seek(MIB)
        file.write(change(part.read_bytes()))
    return disk


@needs_tools
@pytest.mark.parametrize(
    ("made", "name", "message"),
    [
        ("write {source} AAAevil", b"../evil", "invalid or duplicate"),
        ("symlink AAAA {outside}\nwrite {source} AAAB", b"AAAB", "invalid or duplicate"),
        ("write {source} AAA%evil", b"AAA\nevil", "invalid or duplicate"),
        ("mkdir AAA%dump", b"AAA\ndump", "invalid or duplicate"),
        ("write {source} big\nset_inode_field big size 99999999999999", b"big", "too large"),
        ("mkdir d\nln <2> d/up\nset_inode_field d/up mode 040755", b"", "cycle|duplicate"),
    ],
)
def test_a_hostile_root_cannot_write_elsewhere(tmp_path, made, name, message):
    """Names with `../`, files through links and newlines are rejected before debugfs runs."""
    source, outside = tmp_path / "source", tmp_path / "outside"
    source.write_text("gotcha")
    script = made.format(source=source, outside=outside)
    before = {b"../evil": b"AAAevil", b"AAAB": b"AAAA"}.get(name, name.replace(b"\n", b"%"))
    disk = ext_disk(tmp_path, script, lambda data: data.replace(before, name))
    work = tmp_path / "work"
    work.mkdir()
    with pytest.raises(DeployError, match=message):
        write_root_tarball(disk, work / "root.tgz", Deadline(60, "test"))
    assert not outside.exists()
    assert not list(tmp_path.rglob("*evil*"))


@needs_tools
def test_a_scratch_directory_with_a_blank_in_its_name(tmp_path):
    """A blank in the path of the scratch directory is no problem for debugfs."""
    work = tmp_path / "a directory"
    work.mkdir()
    disk = ext_disk(tmp_path, f"write {__file__} file")
    write_root_tarball(disk, work / "root.tgz", Deadline(60, "test"))
    with tarfile.open(work / "root.tgz") as tar:
        assert "./file" in tar.getnames()
