"""Making ext4 file systems with files, without root."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from lava_dispatcher_multinode.errors import InfrastructureError
from lava_dispatcher_multinode.images import cpio, ext
from lava_dispatcher_multinode.qemu.ext_make import make_ext4

from ..needs import require

SBIN = "/sbin:/usr/sbin:/bin:/usr/bin"
ENTRIES = [
    ("etc", cpio.DIRECTORY, b""),
    ("etc/a file", cpio.FILE, b"text\n"),
    ("tmp", 0o41777, b""),
    ("run.sh", cpio.PROGRAM, b"#!/bin/sh\n"),
    ("link", cpio.LINK, b"etc/a file"),
]
SIZE = 4 << 20


@pytest.fixture(scope="module")
def tools():
    """Skip without e2fsprogs."""
    require("debugfs")


def debugfs(image, request):
    """Return the output of debugfs."""
    program = shutil.which("debugfs", path=SBIN)
    return subprocess.run([program, "-R", request, image], capture_output=True, check=True).stdout


def test_files_belong_to_root(tools, tmp_path):
    """Content, mode and owner are as given, for any user; e2fsck finds no error."""
    image = tmp_path / "root"
    make_ext4(image, SIZE, "rootfs", ENTRIES)
    assert debugfs(image, 'cat "/etc/a file"') == b"text\n"
    shown = debugfs(image, "stat /run.sh")
    assert b"Mode:  0755" in shown
    assert b"User:     0   Group:     0" in shown
    assert b"Mode:  01777" in debugfs(image, "stat /tmp")
    assert b'Fast link dest: "etc/a file"' in debugfs(image, "stat /link")
    with image.open("rb") as disk:
        assert ext.label(disk, 0) == "rootfs"
    fsck = shutil.which("e2fsck", path=SBIN)
    subprocess.run([fsck, "-fn", image], check=True, capture_output=True)


def test_reproducible(tools, tmp_path):
    """The bytes do not depend on date and directory."""
    images = [tmp_path / "one", tmp_path / "elsewhere" / "two"]
    images[1].parent.mkdir()
    for image in images:
        make_ext4(image, SIZE, "rootfs", ENTRIES)
    assert images[0].read_bytes() == images[1].read_bytes()


def test_files_that_do_not_fit(tools, tmp_path):
    """An error of debugfs is raised, though debugfs always exits with 0."""
    with pytest.raises(InfrastructureError, match="debugfs"):
        make_ext4(tmp_path / "root", SIZE, "rootfs", [("big", cpio.FILE, b"x" * SIZE)])


def test_missing_tools(tmp_path, monkeypatch):
    """The error names the package to install."""
    monkeypatch.setattr(shutil, "which", lambda *words, **more: None)
    with pytest.raises(InfrastructureError, match="apt-get install e2fsprogs"):
        make_ext4(tmp_path / "root", SIZE, "rootfs", [])
