"""The cache of downloads, as a directory among other users' directories."""

from __future__ import annotations

import os

import pytest

from lava_dispatcher_multinode.images.cache import Cache


def test_nobody_else_reads_it(tmp_path):
    """What came with a password is no business of others; a directory of before is closed, too."""
    (tmp_path / "old").mkdir(mode=0o755)
    for name in ("old", "new/one"):
        Cache(tmp_path / name)
        assert (tmp_path / name).stat().st_mode & 0o777 == 0o700


def test_a_directory_of_somebody_else_s_is_not_used(tmp_path, monkeypatch):
    """Its owner could have links there, to be written through, or files to be deployed."""
    (tmp_path / "theirs").mkdir()
    monkeypatch.setattr(os, "geteuid", lambda: 4242)
    with pytest.raises(PermissionError, match="another user"):
        Cache(tmp_path / "theirs")
    assert not list((tmp_path / "theirs").iterdir())


def test_a_file_that_was_changed_is_none(tmp_path):
    """What is under a digest has it, whoever wrote it."""
    cache = Cache(tmp_path / "cache")
    part = cache.url_path("http://h/x", ".part")
    part.write_bytes(b"image")
    path, sha256 = cache.store(part)
    assert cache.find(sha256) == path
    path.write_bytes(b"other")
    assert cache.find(sha256) is None
    assert not path.exists()
