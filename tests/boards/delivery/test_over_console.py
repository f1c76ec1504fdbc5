"""Delivery over the console alone."""

from __future__ import annotations

import pytest

from lava_dispatcher_multinode.boards.delivery.over_console import over_console
from lava_dispatcher_multinode.boards.shell_files import ShellUploader

from .conftest import arrived


@pytest.mark.parametrize("programs", [("tar", "gzip"), ("gzip",)])
def test_the_overlay_arrives_whole(board, bundle, programs):
    """As an archive if the board can unpack it, else file by file."""
    over_console(ShellUploader(board(*programs)), bundle)
    arrived(bundle)


def test_the_archive_does_not_stay(board, bundle):
    """/tmp may be in the board's memory, so the unpacked archive is removed."""
    over_console(ShellUploader(board("tar", "gzip")), bundle)
    assert list((bundle.archive.parent / "root" / "tmp").iterdir()) == []


def test_an_archive_that_cannot_be_unpacked_does_not_stay_either(board, bundle):
    """A tar without gzip: the files are typed singly, and the archive is removed."""
    over_console(ShellUploader(board("tar")), bundle)
    arrived(bundle)
    assert list((bundle.archive.parent / "root" / "tmp").iterdir()) == []


def test_the_checksum_file_comes_last(board, bundle, monkeypatch):
    """It marks a complete delivery, so an interrupted one must not leave it."""
    uploader = ShellUploader(board("tar", "gzip"))
    upload, paths = uploader.upload, []
    monkeypatch.setattr(
        uploader, "upload", lambda data, path: (paths.append(path), upload(data, path))
    )
    over_console(uploader, bundle)
    root = bundle.root
    assert paths == [
        f"{root}/tmp/lava-overlay.tar.gz",
        f"{root}/lava-1/environment",
        f"{root}/lava-1/overlay.sha256",
    ]
