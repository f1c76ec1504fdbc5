"""Unpacking with the programs that a board has."""

from __future__ import annotations

import gzip
import io
import os
import shutil
import tarfile

import pytest

from lava_dispatcher_multinode.boards.delivery.bundle import OverlayBundle
from lava_dispatcher_multinode.boards.delivery.unpack import unpack, upload_members
from lava_dispatcher_multinode.boards.shell_files import ShellUploader
from lava_dispatcher_multinode.errors import DeployError


@pytest.mark.parametrize(
    ("programs", "can"), [(("tar", "gzip"), True), (("tar",), False), ((), False)]
)
def test_whether_the_board_can_unpack(board, bundle, programs, can):
    """A tar without gzip unpacks nothing and returns False."""
    shell = board(*programs)
    packed = f"{bundle.root}/tmp/it's packed.tar.gz"
    shutil.copy(bundle.archive, packed)
    assert unpack(shell, packed, bundle.root) is can
    top = bundle.archive.parent / "root" / "lava-1"
    assert top.exists() is can
    if can:
        assert (top / "it's here").read_bytes() == bytes(range(256))


def test_half_an_archive_is_not_unpacked(board, bundle):
    """tar accepts the part that gzip writes before it fails; so gzip's exit code counts."""
    packed = bundle.archive.parent / "half"
    with gzip.open(packed, "wb") as file:
        file.write(bytes(10240) + os.urandom(10240))
    packed.write_bytes(packed.read_bytes()[:5000])
    assert not unpack(board("tar", "gzip", "zcat"), str(packed), bundle.root)


def test_a_board_without_tar_gets_every_file(board, bundle):
    """Files are typed singly, with mode and links; names are quoted."""
    upload_members(ShellUploader(board()), bundle)
    top = bundle.archive.parent / "root" / "lava-1"
    assert (top / "bin" / "lava-self").stat().st_mode & 0o777 == 0o755
    assert not (top / "it's here").stat().st_mode & 0o111
    assert (top / "it's here").read_bytes() == bytes(range(256))
    assert (top / "link").readlink().as_posix() == "bin/lava-self"
    assert (top / "twin").samefile(top / "bin" / "lava-self")


def test_typed_twice_is_as_typed_once(board, bundle):
    """A repeated delivery replaces its links."""
    uploader = ShellUploader(board())
    upload_members(uploader, bundle)
    upload_members(uploader, bundle)
    assert (bundle.archive.parent / "root" / "lava-1" / "link").is_symlink()


def test_a_directory_that_cannot_be_made_is_an_error(board, tmp_path):
    """The error has the command and the board's output."""
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as tar:
        member = tarfile.TarInfo("lava-1")
        member.type = tarfile.DIRTYPE
        tar.addfile(member, io.BytesIO())
    (tmp_path / "file").write_text("")
    bundle = OverlayBundle(tmp_path / "a.tar.gz", "/lava-1", b"", str(tmp_path / "file"))
    with pytest.raises(DeployError, match=r"'mkdir -p .*/lava-1' on the board exited with 1: ."):
        upload_members(ShellUploader(board()), bundle)
