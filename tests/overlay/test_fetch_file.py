"""One file by HTTP, bounded in size and time."""

from __future__ import annotations

import io

import pytest

from lava_dispatcher_multinode.errors import InfrastructureError
from lava_dispatcher_multinode.overlay import fetch_file as download_module
from lava_dispatcher_multinode.overlay.fetch_file import download


def test_download_follows_http_only(server):
    """A redirection to this host's files would put them onto a board."""
    server.pages.update({"/1": "/2", "/2": b"x", "/file": "file:///etc/passwd", "/loop": "/loop"})
    target = io.BytesIO()
    download(server.url("/1"), target, 10, 10)
    assert target.getvalue() == b"x"
    for path in ("/file", "/loop", "/missing"):
        with pytest.raises(InfrastructureError) as caught:
            download(server.url(path), io.BytesIO(), 10, 10)
        assert server.url(path) not in str(caught.value)  # the caller names it


def test_download_is_bounded(server, monkeypatch):
    """In size, and in time even while bytes keep coming."""
    server.pages["/x"] = b"x" * 100
    with pytest.raises(InfrastructureError, match="larger than 99 bytes"):
        download(server.url("/x"), io.BytesIO(), 99, 10)
    monkeypatch.setattr(download_module, "_BLOCK", 1)
    with pytest.raises(InfrastructureError, match="seconds"):
        download(server.url("/x"), Slow(monkeypatch), 1000, 10)


class Slow(io.BytesIO):
    """A target for which each byte takes an hour, by the clock that counts."""

    def __init__(self, monkeypatch):
        super().__init__()
        self._now = 0.0
        monkeypatch.setattr(download_module.time, "monotonic", lambda: self._now)

    def write(self, data):
        """Take an hour."""
        self._now += 3600
        return super().write(data)


def test_download_shows_no_secrets(server):
    """Tokens are part of URLs that people use."""
    with pytest.raises(InfrastructureError) as caught:
        download(server.url("/x?token=secret"), io.BytesIO(), 10, 10)
    assert "secret" not in str(caught.value)
