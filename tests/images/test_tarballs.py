"""An image's partitions as tarballs, with nothing but its bytes."""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile

import pytest

from lava_dispatcher_multinode.deadline import Deadline
from lava_dispatcher_multinode.errors import DeployError
from lava_dispatcher_multinode.images import mbr
from lava_dispatcher_multinode.images.make import boot_files
from lava_dispatcher_multinode.images.tarballs import boot_tarball, root_tarball

PATH = f"{os.environ['PATH']}:/usr/sbin:/sbin"
MIB = 1 << 20

needs_tools = pytest.mark.skipif(
    not all(shutil.which(tool, path=PATH) for tool in ("debugfs", "mke2fs", "fakeroot")),
    reason="e2fsprogs and fakeroot are not installed",
)


@pytest.fixture
def image(panda, tmp_path):
    """The example's image as a file."""
    path = tmp_path / "card.img"
    path.write_bytes(panda.getvalue())
    return path


def test_the_boot_partition_s_files_are_packed(image, tmp_path):
    """All of them, byte for byte."""
    boot_tarball(image, tmp_path / "boot.tgz")
    with tarfile.open(tmp_path / "boot.tgz") as tar:
        found = {member.name: tar.extractfile(member).read() for member in tar}
    assert found == boot_files("panda")


@needs_tools
def test_the_root_keeps_owners_modes_and_links(tmp_path):
    """As whoever runs this; and no lost+found, which mkfs makes."""
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
    root_tarball(disk, tmp_path / "root.tgz", Deadline(60, "test"))
    with tarfile.open(tmp_path / "root.tgz") as tar:
        found = {member.name.removeprefix("./"): member for member in tar}
    assert "lost+found" not in found
    su = found["bin/su"]
    assert (su.uid, su.gid, su.mode) == (12, 34, 0o4755)
    assert found["sh"].linkname == "bin/su"


def test_what_cannot_be_packed_is_told(tmp_path):
    """No such partition; a root that is no ext."""
    disk = tmp_path / "disk.img"
    with disk.open("w+b") as file:
        file.truncate(6 * MIB)
        mbr.write(file, [mbr.Partition(2, MIB, 4 * MIB, mbr.LINUX)])
    with pytest.raises(DeployError, match="no partition 1"):
        boot_tarball(disk, tmp_path / "boot.tgz")
    with pytest.raises(DeployError, match="no ext2, ext3 or ext4"):
        root_tarball(disk, tmp_path / "root.tgz", Deadline(60, "test"))
