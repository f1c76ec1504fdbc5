"""The overlay over nothing but the console."""

from __future__ import annotations

import pytest

from lava_dispatcher_multinode.boards.delivery.over_console import over_console

from .conftest import arrived


@pytest.mark.parametrize("programs", [("tar", "gzip"), ("gzip",)])
def test_the_overlay_arrives_whole(board, parcel, programs):
    """Packed where the board can unpack, file by file where it cannot."""
    over_console(board(*programs), parcel)
    arrived(parcel)


def test_the_archive_does_not_stay(board, parcel):
    """The board's memory holds its /tmp: what is unpacked is removed there."""
    over_console(board("tar", "gzip"), parcel)
    assert list((parcel.archive.parent / "root" / "tmp").iterdir()) == []


def test_an_archive_that_cannot_be_unpacked_does_not_stay_either(board, parcel):
    """Where tar has no gzip, the files are typed one by one; the archive is removed, too."""
    over_console(board("tar"), parcel)
    arrived(parcel)
    assert list((parcel.archive.parent / "root" / "tmp").iterdir()) == []


def test_the_mark_comes_last(board, parcel, monkeypatch):
    """It says that all is there, so a delivery that is cut off must not leave it."""
    shell = board("tar", "gzip")
    put, paths = shell.put, []
    monkeypatch.setattr(shell, "put", lambda data, path: (paths.append(path), put(data, path)))
    over_console(shell, parcel)
    root = parcel.root
    assert paths == [
        f"{root}/tmp/lava-overlay.tar.gz",
        f"{root}/lava-1/environment",
        f"{root}/lava-1/overlay.sha256",
    ]
