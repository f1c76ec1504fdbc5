"""The download cache and its permissions."""

from __future__ import annotations

import os

import pytest

from lava_dispatcher_multinode.images.cache import Cache


def test_the_directory_is_private(tmp_path):
    """Other users cannot read the cache; an existing directory is closed too."""
    (tmp_path / "old").mkdir(mode=0o755)
    for name in ("old", "new/one"):
        Cache(tmp_path / name)
        assert (tmp_path / name).stat().st_mode & 0o777 == 0o700


def test_a_directory_of_another_user(tmp_path, monkeypatch):
    """A directory of another user is an error, as it could have links and wrong files."""
    (tmp_path / "theirs").mkdir()
    monkeypatch.setattr(os, "geteuid", lambda: 4242)
    with pytest.raises(PermissionError, match="another user"):
        Cache(tmp_path / "theirs")
    assert not list((tmp_path / "theirs").iterdir())


def test_a_changed_file_is_not_found(tmp_path):
    """A file whose digest is wrong is not returned."""
    cache = Cache(tmp_path / "cache")
    part = cache.url_path("http://h/x", ".part")
    part.write_bytes(b"image")
    path, sha256 = cache.store(part)
    assert cache.find(sha256) == path
    path.write_bytes(b"other")
    assert cache.find(sha256) is None
    assert not path.exists()
