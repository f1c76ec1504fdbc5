"""Fetching: once per source, for all callers, in success and failure."""

from __future__ import annotations

import base64
import io
from concurrent.futures import ThreadPoolExecutor

import pytest

from lava_dispatcher_multinode.errors import InfrastructureError
from lava_dispatcher_multinode.overlay import fetch as module
from lava_dispatcher_multinode.overlay.definition_source import BadSource, DefinitionSource, Kind
from lava_dispatcher_multinode.overlay.fetch import download


def test_each_source_is_fetched_once(cache, repository, monkeypatch):
    """Forty boards that start together make one clone."""
    calls = []
    check_out = module.git.check_out
    monkeypatch.setattr(module.git, "check_out", lambda *a: calls.append(a) or check_out(*a))
    source = DefinitionSource(Kind.GIT, str(repository.path))
    with ThreadPoolExecutor(8) as pool:
        paths = set(pool.map(lambda _: cache.fetch(source), range(16)))
    assert len(calls) == 1
    assert len(paths) == 1
    assert (paths.pop() / "smoke.yaml").is_file()


def test_a_failure_applies_to_all_callers(cache, monkeypatch):
    """A server that is down is asked once, not once for each board."""
    calls = []

    def fail(*arguments):
        calls.append(arguments)
        raise InfrastructureError("down")

    monkeypatch.setattr(module.git, "check_out", fail)
    for _ in range(3):
        with pytest.raises(InfrastructureError, match="down"):
            cache.fetch(DefinitionSource(Kind.GIT, "https://example.com/x"))
    assert len(calls) == 1


def test_other_revisions_are_other_sources(cache, repository):
    """Two definitions may pin two commits of one repository."""
    old = repository.git("rev-parse", "HEAD")
    repository.commit(a="new")
    paths = [cache.fetch(DefinitionSource(Kind.GIT, str(repository.path), r)) for r in (None, old)]
    assert [(path / "a").exists() for path in paths] == [True, False]


def test_archives_local_embedded_and_remote(cache, make_tar, tmp_path, server):
    """One content, three ways."""
    content = make_tar([("a.yaml", b"x")])
    (tmp_path / "x.tgz").write_bytes(content)
    server.pages["/x.tgz"] = content
    for source in (
        DefinitionSource(Kind.ARCHIVE, str(tmp_path / "x.tgz")),
        DefinitionSource(Kind.EMBEDDED, base64.encodebytes(content).decode()),
        DefinitionSource(Kind.ARCHIVE, server.url("/x.tgz")),
    ):
        assert (cache.fetch(source) / "a.yaml").read_bytes() == b"x"


@pytest.mark.parametrize("text", ["not base64!", "bm8gYXJjaGl2ZQ==", "ä"])
def test_embedded_text_that_is_no_archive(cache, text):
    """The message lists the possible forms."""
    with pytest.raises(BadSource, match=r"base64|not a tar"):
        cache.fetch(DefinitionSource(Kind.EMBEDDED, text))


def test_single_files(cache, server, tmp_path):
    """Local ones are used where they are, others are downloaded."""
    (tmp_path / "a.yaml").write_text("x")
    server.pages["/a.yaml"] = b"y"
    assert (
        cache.fetch(DefinitionSource(Kind.FILE, str(tmp_path / "a.yaml"))) == tmp_path / "a.yaml"
    )
    assert cache.fetch(DefinitionSource(Kind.FILE, server.url("/a.yaml"))).read_text() == "y"


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
    monkeypatch.setattr(module, "_BLOCK_BYTES", 1)
    with pytest.raises(InfrastructureError, match="seconds"):
        download(server.url("/x"), Slow(monkeypatch), 1000, 10)


class Slow(io.BytesIO):
    """A target for which each write takes an hour by the patched clock."""

    def __init__(self, monkeypatch):
        super().__init__()
        self._now = 0.0
        monkeypatch.setattr(module.time, "monotonic", lambda: self._now)

    def write(self, data):
        """Take an hour."""
        self._now += 3600
        return super().write(data)


def test_download_shows_no_secrets(server):
    """Tokens are part of URLs that people use."""
    with pytest.raises(InfrastructureError) as caught:
        download(server.url("/x?token=secret"), io.BytesIO(), 10, 10)
    assert "secret" not in str(caught.value)
