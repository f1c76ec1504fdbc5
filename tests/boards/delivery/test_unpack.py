"""Unpacking on a board, with what tools it has."""

from __future__ import annotations

import gzip
import io
import os
import shutil
import tarfile

import pytest

from lava_dispatcher_multinode.boards.delivery.bundle import Parcel
from lava_dispatcher_multinode.boards.delivery.unpack import put_unpacked, unpack
from lava_dispatcher_multinode.errors import DeployError


@pytest.mark.parametrize(
    ("programs", "can"), [(("tar", "gzip"), True), (("tar",), False), ((), False)]
)
def test_whether_the_board_can_unpack(board, parcel, programs, can):
    """A tar whose gzip is missing has unpacked nothing: the caller has to take another way."""
    shell = board(*programs)
    packed = f"{parcel.root}/tmp/it's packed.tar.gz"
    shutil.copy(parcel.archive, packed)
    assert unpack(shell, packed, parcel.root) is can
    top = parcel.archive.parent / "root" / "lava-1"
    assert top.exists() is can
    if can:
        assert (top / "it's here").read_bytes() == bytes(range(256))


def test_half_an_archive_is_not_unpacked(board, parcel):
    """tar takes the half that gzip gives it before it fails: the status of gzip counts, too."""
    packed = parcel.archive.parent / "half"
    with gzip.open(packed, "wb") as file:
        file.write(bytes(10240) + os.urandom(10240))
    packed.write_bytes(packed.read_bytes()[:5000])
    assert not unpack(board("tar", "gzip", "zcat"), str(packed), parcel.root)


def test_a_board_without_tar_gets_every_file(board, parcel):
    """Typed one by one, with mode and links; names with blanks and quotes are one word."""
    put_unpacked(board(), parcel)
    top = parcel.archive.parent / "root" / "lava-1"
    assert (top / "bin" / "lava-self").stat().st_mode & 0o777 == 0o755
    assert not (top / "it's here").stat().st_mode & 0o111
    assert (top / "it's here").read_bytes() == bytes(range(256))
    assert (top / "link").readlink().as_posix() == "bin/lava-self"
    assert (top / "twin").samefile(top / "bin" / "lava-self")


def test_typed_twice_is_as_typed_once(board, parcel):
    """A delivery that is repeated finds its links there already."""
    shell = board()
    put_unpacked(shell, parcel)
    put_unpacked(shell, parcel)
    assert (parcel.archive.parent / "root" / "lava-1" / "link").is_symlink()


def test_a_directory_that_cannot_be_made_is_an_error(board, tmp_path):
    """The command and the board's own words are told."""
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as tar:
        member = tarfile.TarInfo("lava-1")
        member.type = tarfile.DIRTYPE
        tar.addfile(member, io.BytesIO())
    (tmp_path / "file").write_text("")
    parcel = Parcel(tmp_path / "a.tar.gz", "/lava-1", b"", str(tmp_path / "file"))
    with pytest.raises(DeployError, match=r"'mkdir -p .*/lava-1' on the board exited with 1: ."):
        put_unpacked(board(), parcel)
