"""What a job names as the image of an emulated board becomes a raw disk."""

from __future__ import annotations

import gzip
import os
import subprocess

import pytest

from lava_dispatcher_multinode.deadline import Deadline
from lava_dispatcher_multinode.errors import ActionTimeout, DeployError, ImageError
from lava_dispatcher_multinode.images import ext
from lava_dispatcher_multinode.images.store import ImageStore
from lava_dispatcher_multinode.qemu import root_disk
from lava_dispatcher_multinode.qemu.root_disk import as_disk

from ..needs import PATH, program, require

pytestmark = pytest.mark.needs("debugfs", "mke2fs")


def run(*words, cwd=None):
    """Run a program; return its output."""
    require(words[0])
    command = [program(words[0]), *map(str, words[1:])]
    environ = {"PATH": PATH, "LC_ALL": "C"}
    return subprocess.run(command, check=True, capture_output=True, cwd=cwd, env=environ).stdout


@pytest.fixture
def tree(tmp_path):
    """A directory that could be a root file system."""
    top = tmp_path / "tree"
    (top / "etc").mkdir(parents=True)
    (top / "etc" / "issue").write_text("here\n")
    return top


@pytest.fixture
def convert(tmp_path):
    """A function that gives the disk of an image by its name in the directory of the test."""
    store, deadline = ImageStore(tmp_path / "store"), Deadline(600, "test")

    def disk(name):
        image = store.get(name, base=tmp_path, deadline=deadline, step=print)
        return as_disk(image, deadline, print)

    return disk


def issue(image, offset=0):
    """Return the content of /etc/issue."""
    return run("debugfs", "-R", "cat /etc/issue", f"{image.path}?offset={offset}")


def test_directories(convert, tree):
    """A directory becomes an ext4 with the label of a root."""
    image = convert("tree")
    assert issue(image) == b"here\n"
    with image.path.open("rb") as file:
        assert ext.label(file, 0) == "rootfs"
    assert convert("tree").path == image.path  # made once for all boards


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("x.tar", ("tar", "-C", "tree", "-cf", "x.tar", ".")),
        ("x.tar.gz", ("tar", "-C", "tree", "-czf", "x.tar.gz", ".")),
        ("x.tar.xz", ("tar", "-C", "tree", "-cJf", "x.tar.xz", ".")),
        ("x.tar.zst", ("tar", "-C", "tree", "--zstd", "-cf", "x.tar.zst", ".")),
        ("x.squashfs", ("mksquashfs", "tree", "x.squashfs", "-quiet", "-no-progress")),
    ],
)
def test_archives_and_squashfs(convert, tree, tmp_path, name, words):
    """Each becomes an ext4; files of the archive keep their owners."""
    owner = os.geteuid()
    run(*words, cwd=tmp_path)
    image = convert(name)
    assert issue(image) == b"here\n"
    shown = run("debugfs", "-R", "stat /etc/issue", image.path)
    assert b"User: %5d" % owner in shown


def test_qcow2(convert, tree, tmp_path):
    """A qcow2 becomes raw; what is not used is a hole."""
    run("mke2fs", "-q", "-t", "ext4", "-d", tree, tmp_path / "raw.img", "64M")
    words = ("convert", "-c", "-f", "raw", "-O", "qcow2", "raw.img", "file:x:y.qcow2")
    run("qemu-img", *words, cwd=tmp_path)
    image = convert("x:y.qcow2")
    assert issue(image) == b"here\n"
    assert image.path.stat().st_size == 64 << 20
    assert image.path.stat().st_blocks * 512 < 16 << 20


def test_hostile_qcow2(convert, tmp_path):
    """A qcow2 with a backing file, and a damaged one, are refused with the image's name."""
    (tmp_path / "secret").write_bytes(b"s" * 4096)
    run("qemu-img", "create", "-q", "-f", "qcow2", "-b", "secret", "-F", "raw", "x.qcow2",
        cwd=tmp_path)  # fmt: skip
    with pytest.raises(ImageError, match=r"x.qcow2: the qcow2 has a backing file"):
        convert("x.qcow2")
    run("qemu-img", "create", "-q", "-f", "qcow2", "cut.qcow2", "8M", cwd=tmp_path)
    with (tmp_path / "cut.qcow2").open("r+b") as file:
        file.truncate(1000)
    with pytest.raises(ImageError, match=r"cut.qcow2: qemu-img check: "):
        convert("cut.qcow2")


def test_space(tmp_path, monkeypatch):
    """A program is ended before the disk of this host is full, and at the deadline."""
    words, target = ["/bin/sleep", "100"], tmp_path / "x"
    with pytest.raises(ActionTimeout):
        root_disk._run_bounded(words, target, "x", Deadline(0, "test"))
    monkeypatch.setattr(root_disk, "MIN_FREE_BYTES", 1 << 60)
    with pytest.raises(ImageError, match="x: too large for the free space"):
        root_disk._run_bounded(words, target, "x", Deadline(60, "test"))


def test_live_images(convert, tree, tmp_path):
    """A squashfs in a file system, and a file system in a squashfs: the root inside is used."""
    (tmp_path / "live").mkdir()
    run("mksquashfs", tree, tmp_path / "live" / "filesystem.squashfs", "-quiet")
    outer = tmp_path / "outer"
    outer.mkdir()
    (tmp_path / "live").rename(outer / "live")
    run("mke2fs", "-q", "-t", "ext4", "-d", outer, tmp_path / "live.img", "64M")
    assert issue(convert("live.img")) == b"here\n"
    inner = tmp_path / "inner" / "LiveOS"
    inner.mkdir(parents=True)
    run("mke2fs", "-q", "-t", "ext4", "-d", tree, inner / "rootfs.img", "64M")
    run("mksquashfs", tmp_path / "inner", tmp_path / "fedora.squashfs", "-quiet")
    image = convert("fedora.squashfs")
    assert issue(image) == b"here\n"
    assert image.path.stat().st_size == 64 << 20


def test_raw_disks_are_used_as_they_are(convert, tree, tmp_path):
    """A disk with partitions or a file system is not copied; neither is one of unknown content."""
    run("mke2fs", "-q", "-t", "ext4", "-d", tree, tmp_path / "raw.img", "64M")
    assert convert("raw.img").path == tmp_path / "raw.img"
    (tmp_path / "other.img").write_bytes(bytes(4096))
    assert convert("other.img").path == tmp_path / "other.img"


def test_other_formats(convert, tmp_path):
    """A format that no program converts is an error that names it."""
    (tmp_path / "x.img.gz").write_bytes(gzip.compress(b"PK\x03\x04".ljust(600)))
    with pytest.raises(ImageError, match=r"x.img.gz: it is a zip archive"):
        convert("x.img.gz")


def test_missing_programs(convert, tree, tmp_path, monkeypatch):
    """The error names the Debian package."""
    run("mksquashfs", tree, tmp_path / "x.squashfs", "-quiet")
    run("qemu-img", "create", "-q", "-f", "qcow2", "x.qcow2", "8M", cwd=tmp_path)
    monkeypatch.setattr(ext, "find_program", lambda name: None)
    with pytest.raises(DeployError, match="sqfs2tar: apt-get install squashfs-tools-ng"):
        convert("x.squashfs")
    with pytest.raises(DeployError, match="qemu-img: apt-get install qemu-utils"):
        convert("x.qcow2")


def test_damaged_squashfs(convert, tree, tmp_path):
    """The reason is that of the program."""
    run("mksquashfs", tree, tmp_path / "x.squashfs", "-quiet")
    with (tmp_path / "x.squashfs").open("r+b") as file:
        file.truncate(200)
    with pytest.raises(ImageError, match=r"/x.squashfs: loading ID table"):
        convert("x.squashfs")


def test_a_program_that_fails_at_the_end(convert, tree, tmp_path, monkeypatch):
    """A complete archive of a program that then fails (a fake sqfs2tar) is not used."""
    run("mksquashfs", tree, tmp_path / "x.squashfs", "-quiet")
    fake = tmp_path / "sqfs2tar"
    fake.write_text(f"#!/bin/sh\ntar -C {tree} -cf - .\necho broken block >&2\nexit 1\n")
    fake.chmod(0o755)
    monkeypatch.setattr(root_disk, "_find_program", lambda name, package: str(fake))
    with pytest.raises(ImageError, match="x.squashfs: broken block"):
        convert("x.squashfs")
