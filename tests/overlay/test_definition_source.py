"""What a job may name as a source, and what it may not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lava_dispatcher_multinode.overlay.definition_source import (
    BadSource,
    DefinitionSource,
    Kind,
    file_source,
    git_source,
    local_path,
    tar_source,
    without_secrets,
)


def test_a_plain_directory_stands_for_a_repository(directory, tmp_path):
    """Definitions that are being written need no commit."""
    expected = DefinitionSource(Kind.DIRECTORY, str(directory))
    assert git_source("plain", tmp_path) == git_source(f"file://{directory}", tmp_path) == expected
    assert not expected.remote


def test_a_local_repository_is_one(repository, tmp_path):
    """Work tree or bare, with what is committed and the revision that is asked for."""
    assert git_source("repository", tmp_path).kind is Kind.GIT
    bare = repository.path / ".git"
    assert git_source(str(bare), tmp_path, "v1") == DefinitionSource(Kind.GIT, str(bare), "v1")


@pytest.mark.parametrize(
    "url",
    [
        "git://git.linaro.org/qa/test-definitions.git", "https://example.com/x.git",
        "http://example.com/x", "ssh://git@example.com/x", "git@example.com:x.git", "host:x",
    ],
)  # fmt: skip
def test_remote_repositories(url, tmp_path):
    """What git fetches over a network, also in ssh's short form."""
    source = git_source(url, tmp_path)
    assert (source.kind, source.location, source.remote) == (Kind.GIT, url, True)


@pytest.mark.parametrize(
    "url",
    [
        "ext::sh -c 'touch /tmp/x'", "ext::sh", "fd::17", "--upload-pack=touch x", "-x", "",
        "ftp://example.com/x", "rsync://example.com/x", "https://example.com/a b",
        "https://example.com/a\nb", "file://host/x", "nowhere/at/all", "a\0b",
    ],
)  # fmt: skip
def test_hostile_and_wrong_urls(url, tmp_path):
    """No option, no command, no unknown protocol, nothing that does not exist."""
    with pytest.raises(BadSource):
        git_source(url, tmp_path)


@pytest.mark.parametrize("url", ["https:/example.com/x", "git:example.com/x"])
def test_a_slash_that_is_missing(url, tmp_path):
    """No host called https is asked for it by ssh."""
    with pytest.raises(BadSource, match="not a valid URL for git") as caught:
        git_source(url, tmp_path)
    assert caught.value.hint == f"write {url.partition(':')[0]}://"


@pytest.mark.parametrize(
    "revision", ["-x", "--upload-pack=x", "a:b", "+a", "a b", "a..b", "", "^a"]
)
def test_hostile_revisions(revision, tmp_path):
    """A revision is a name or a number, neither an option nor a refspec."""
    for key in ("revision", "branch"):
        with pytest.raises(BadSource, match=f"cannot be a {key}"):
            git_source("https://example.com/x", tmp_path, **{key: revision})


def test_a_plain_directory_has_no_revisions(directory, tmp_path):
    """Better an error than another content than the job names."""
    with pytest.raises(BadSource, match="no revisions"):
        git_source(str(directory), tmp_path, "v1")


def test_tar_repo_is_a_path_a_url_or_base64(tmp_path):
    """The three forms of a key are distinguished without reading content."""
    (tmp_path / "x.tar.gz").touch()
    assert tar_source("x.tar.gz", tmp_path) == DefinitionSource(
        Kind.ARCHIVE, str(tmp_path / "x.tar.gz")
    )
    assert tar_source("https://example.com/x.tgz", tmp_path).remote
    embedded = tar_source("H4sIAAAAAAAAA+3OMQ", tmp_path)
    assert (embedded.kind, embedded.remote, str(embedded)) == (Kind.EMBEDDED, False, "tar-repo")
    with pytest.raises(BadSource, match="no file"):
        tar_source("y.tar.gz", tmp_path)


def test_testdef_urls(directory, tmp_path):
    """Paths, file:// with percent signs, and http."""
    (directory / "a b.yaml").touch()
    expected = DefinitionSource(Kind.FILE, str(directory / "a b.yaml"))
    assert file_source("plain/a b.yaml", tmp_path) == expected
    assert file_source(f"file://{directory}/a%20b.yaml", tmp_path) == expected
    assert file_source("http://example.com/x.yaml", tmp_path).remote
    for wrong in ("plain", "nowhere.yaml", "ftp://example.com/x.yaml", "host:x.yaml"):
        with pytest.raises(BadSource):
            file_source(wrong, tmp_path)


def test_secrets_are_not_shown(tmp_path):
    """A password in a URL is used, not logged."""
    url = "https://user:secret@example.com/x.git?token=secret"
    source = git_source(url, tmp_path)
    assert source.location == url
    assert str(source) == "https://example.com/x.git"
    assert without_secrets(f"fatal: '{url}' not found") == (
        "fatal: 'https://example.com/x.git' not found"
    )


@given(st.text(max_size=30))
def test_any_text_is_a_source_or_refused(tmp_path_factory, text):
    """No text of a job file gets past these functions with another exception."""
    base = tmp_path_factory.getbasetemp()
    for make in (git_source, tar_source, file_source, local_path):
        try:
            made = make(text, base)
        except BadSource:
            continue
        if isinstance(made, DefinitionSource):
            assert not made.location.startswith("-") or made.kind is Kind.EMBEDDED
