"""The overlay by each way that works, on a real shell, and what is told of those that do not."""

from __future__ import annotations

import io
import shlex
import shutil
import tarfile

import pytest

from lava_dispatcher_multinode.boards.delivery.deliver import deliver
from lava_dispatcher_multinode.boards.delivery.parcel import Parcel
from lava_dispatcher_multinode.boards.shell import Shell
from lava_dispatcher_multinode.console.expect import Dialogue
from lava_dispatcher_multinode.deadline import Deadline
from lava_dispatcher_multinode.errors import DeployError
from lava_dispatcher_multinode.lab.device import Device, Network
from lava_dispatcher_multinode.serve.servers import Servers

#: What a board with few programs has; never tar, unless a test says so.
FEW = ("cat", "chmod", "ln", "md5sum", "mkdir", "rm", "stty", "ls")


@pytest.fixture
def parcel(tmp_path):
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
    return Parcel(path, "/lava-1", b"export A=1\n", str(tmp_path / "root"))


@pytest.fixture
def board(console_of, tmp_path):
    """A function that gives the shell of a board which has only these programs."""

    def make(*programs):
        path = tmp_path / "bin"
        path.mkdir()
        for name in (*FEW, *programs):
            (path / name).symlink_to(shutil.which(name))
        command = f"stty sane; PATH={shlex.quote(str(path))} exec {shutil.which('dash')} -i"
        shell = Shell(Dialogue(console_of(command)), Deadline(60, "test"))
        shell.take()
        return shell

    return make


def _deliver(shell, parcel, *ways, put_in=False, host="127.0.0.1"):
    steps: list[str] = []
    device = Device(
        "b1", "panda", overlay=ways, dispatcher_ip=host, network=Network("lo", ("true",))
    )
    with Servers() as servers:
        deliver(shell, parcel, device, servers, steps.append, put_in=put_in)
    return steps


def _arrived(parcel):
    """Whether all of it is there, as it should be."""
    top = parcel.archive.parent / "root" / "lava-1"
    assert (top / "bin" / "lava-self").stat().st_mode & 0o777 == 0o755
    assert (top / "it's here").read_bytes() == bytes(range(256))
    assert (top / "link").read_bytes() == b"#!/bin/sh\n"
    assert (top / "twin").read_bytes() == b"#!/bin/sh\n"
    assert (top / "environment").read_bytes() == b"export A=1\n"
    assert (top / "overlay.sha256").read_text().strip() == parcel.mark


def test_a_board_without_tar_gets_every_file(board, parcel):
    """Typed one by one, with mode and links."""
    _deliver(board(), parcel, "console")
    _arrived(parcel)


@pytest.mark.parametrize("programs", [("tar", "gzip"), ("gzip",)])
def test_a_board_with_nothing_but_a_console_gets_it(board, parcel, programs):
    """Packed where it can unpack."""
    _deliver(board(*programs), parcel, "console")
    _arrived(parcel)


def test_what_the_image_brought_is_not_brought_again(board, parcel):
    """If the board itself says so; if it does not, the next way is taken."""
    shell = board("tar", "gzip")
    steps = _deliver(shell, parcel, "image", "console", put_in=True)
    assert "by image: it is not in the file system" in steps[0]
    _arrived(parcel)
    assert _deliver(shell, parcel, "image", "console", put_in=True) == [
        "the overlay is on the board already, with its image"
    ]


def test_a_way_that_does_not_work_gives_way_to_the_next(board, parcel):
    """Neither wget nor curl: typed; and without a dispatcher_ip it is not even tried."""
    shell = board("tar", "gzip")
    steps = _deliver(shell, parcel, "http", "console")
    assert "by http: the board has neither wget nor curl" in steps[1]
    _arrived(parcel)
    assert len(_deliver(shell, parcel, "http", "console", host=None)) == 1


def test_when_no_way_is_left_every_reason_is_told(board, parcel):
    """Device and ways by name."""
    with pytest.raises(DeployError, match=r"b1: .* image: it is not in .*; http: the board has"):
        _deliver(board("tar", "gzip"), parcel, "image", "http", put_in=True)
    with pytest.raises(DeployError, match="none of the ways of its overlay key"):
        _deliver(None, parcel, "image")


def test_the_mark_is_of_all_of_it(parcel, tmp_path):
    """Another environment or another archive is another parcel."""
    other = Parcel(parcel.archive, "/lava-1", b"export A=2\n")
    assert other.mark != parcel.mark
    (tmp_path / "other").write_bytes(parcel.archive.read_bytes() + b"x")
    assert Parcel(tmp_path / "other", "/lava-1", parcel.environment).mark != parcel.mark
