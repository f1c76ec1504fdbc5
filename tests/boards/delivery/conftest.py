"""An overlay, and the shells of boards with few programs."""

from __future__ import annotations

import io
import shlex
import shutil
import tarfile

import pytest

from lava_dispatcher_multinode.boards.delivery.bundle import OverlayBundle
from lava_dispatcher_multinode.boards.shell import Shell
from lava_dispatcher_multinode.console.expect import Dialogue
from lava_dispatcher_multinode.deadline import Deadline

#: What a board with few programs has; never tar, unless a test says so.
FEW = ("cat", "chmod", "ln", "md5sum", "mkdir", "rm", "stty", "ls")


@pytest.fixture
def bundle(tmp_path):
    """An overlay for a board whose root is a directory here."""
    (tmp_path / "root" / "tmp").mkdir(parents=True)
    path = tmp_path / "overlay.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        for name, content, mode in (
            ("lava-1", None, 0o755),
            ("lava-1/bin", None, 0o755),
            ("lava-1/bin/lava-self", b"#!/bin/sh\n", 0o755),
            ("lava-1/it's here", bytes(range(256)), 0o644),
        ):
            member = tarfile.TarInfo(name)
            member.mode = mode
            member.type = tarfile.DIRTYPE if content is None else tarfile.REGTYPE
            member.size = len(content or b"")
            tar.addfile(member, io.BytesIO(content or b""))
        link = tarfile.TarInfo("lava-1/link")
        link.type, link.linkname = tarfile.SYMTYPE, "bin/lava-self"
        tar.addfile(link)
        twin = tarfile.TarInfo("lava-1/twin")
        twin.type, twin.linkname = tarfile.LNKTYPE, "lava-1/bin/lava-self"
        tar.addfile(twin)
    return OverlayBundle(path, "/lava-1", b"export A=1\n", str(tmp_path / "root"))


@pytest.fixture
def board(console_of, tmp_path):
    """Return a function: programs -> the shell of a board that has only these."""

    def make(*programs):
        path = tmp_path / "bin"
        path.mkdir()
        for name in (*FEW, *programs):
            (path / name).symlink_to(shutil.which(name))
        command = f"stty sane; PATH={shlex.quote(str(path))} exec {shutil.which('dash')} -i"
        shell = Shell(Dialogue(console_of(command)), Deadline(60, "test"))
        shell.prepare()
        return shell

    return make


def arrived(bundle):
    """Check that all of the overlay is there, as it should be."""
    top = bundle.archive.parent / "root" / "lava-1"
    assert (top / "bin" / "lava-self").stat().st_mode & 0o777 == 0o755
    assert (top / "it's here").read_bytes() == bytes(range(256))
    assert (top / "link").read_bytes() == b"#!/bin/sh\n"
    assert (top / "twin").read_bytes() == b"#!/bin/sh\n"
    assert (top / "environment").read_bytes() == b"export A=1\n"
    assert (top / "overlay.sha256").read_text().strip() == bundle.checksum
