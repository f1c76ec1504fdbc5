"""Checking out repositories that a job names."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from lava_dispatcher_multinode.errors import InfrastructureError
from lava_dispatcher_multinode.overlay.definition_source import BadSource, DefinitionSource, Kind
from lava_dispatcher_multinode.overlay.git import check_out


def source_of(repository, revision=None, branch=None):
    """Return the source that is a local repository."""
    return DefinitionSource(Kind.GIT, str(repository.path), revision, branch)


def test_head_is_the_default_and_only_it_is_fetched(repository, tmp_path):
    """Only the requested revision is fetched, without the history."""
    repository.commit(a="1")
    repository.commit(a="2")
    check_out(source_of(repository), tmp_path / "out", 30)
    assert (tmp_path / "out/a").read_text() == "2"
    git = ["git", "-C", tmp_path / "out", "rev-list", "--count", "--all", "HEAD"]
    assert subprocess.check_output(git, text=True).strip() == "1"


def test_every_way_to_name_a_revision(repository, tmp_path):
    """Commit, abbreviated commit, tag and branch."""
    old = repository.commit(a="1")
    repository.git("tag", "v1")
    repository.git("branch", "old")
    repository.commit(a="2")
    for name in (old, old[:8], "v1", "old"):
        check_out(source_of(repository, revision=name), tmp_path / name, 30)
        assert (tmp_path / name / "a").read_text() == "1"
    check_out(source_of(repository, branch="old"), tmp_path / "branch", 30)
    assert (tmp_path / "branch/a").read_text() == "1"


def test_a_revision_that_is_not_there(repository, tmp_path):
    """The error is the job's, with the reason."""
    for key in ("revision", "branch"):
        with pytest.raises(BadSource, match=f"repository has no {key} 'nowhere'") as caught:
            check_out(source_of(repository, **{key: "nowhere"}), tmp_path / key, 30)
        assert caught.value.key == key


def test_a_repository_without_a_commit(tmp_path):
    """It is the job's mistake as well, not the network's."""
    subprocess.run(["git", "init", "-q", tmp_path / "new"], check=True)
    with pytest.raises(BadSource, match="new has no commit"):
        check_out(DefinitionSource(Kind.GIT, str(tmp_path / "new")), tmp_path / "out", 30)


def test_paths_with_odd_characters(repository, tmp_path):
    """A path becomes a URL for git, so percent signs and blanks need care."""
    odd = tmp_path / "a %20b#c?d"
    repository.path.rename(odd)
    check_out(DefinitionSource(Kind.GIT, str(odd)), tmp_path / "out", 30)
    assert (tmp_path / "out/smoke.yaml").is_file()


def test_no_code_of_the_users_or_the_repositorys_runs(repository, tmp_path, monkeypatch):
    """Hooks and templates that git would run in a clone are not."""
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    (hooks / "post-checkout").write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    (hooks / "post-checkout").chmod(0o755)
    config = tmp_path / "gitconfig"
    config.write_text(f"[core]\n\thooksPath = {hooks}\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    check_out(source_of(repository), tmp_path / "out", 30)
    assert not (tmp_path / "ran").exists()


def test_the_repository_that_we_were_started_in_is_left_alone(repository, tmp_path, monkeypatch):
    """From a git hook GIT_DIR is set, and must not be where we fetch into."""
    other = type(repository)(tmp_path / "other")
    other.commit(a="other")
    monkeypatch.setenv("GIT_DIR", str(other.path / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(other.path / ".git/index"))
    check_out(source_of(repository), tmp_path / "out", 30)
    assert (tmp_path / "out/smoke.yaml").is_file()
    assert not (other.path / ".git/FETCH_HEAD").exists()


def test_a_server_that_says_nothing_costs_the_time_limit_only(tmp_path):
    """And leaves no git process behind."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"git://127.0.0.1:{server.getsockname()[1]}/x"
        started = time.monotonic()
        with pytest.raises(InfrastructureError, match="failed: timeout"):
            check_out(DefinitionSource(Kind.GIT, url), tmp_path / "out", 0.5)
        assert time.monotonic() - started < 20
        connection, _ = server.accept()
        with connection:
            connection.settimeout(20)
            while connection.recv(4096):  # until git closes the connection
                pass


def test_a_server_that_is_not_there(tmp_path):
    """The error contains git's message without the password."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    url = f"http://user:secret@127.0.0.1:{port}/x.git"
    with pytest.raises(InfrastructureError, match="git fetch") as caught:
        check_out(DefinitionSource(Kind.GIT, url), tmp_path / "out", 30)
    assert "secret" not in str(caught.value)


def test_git_that_is_not_installed(repository, tmp_path, monkeypatch):
    """It is no traceback."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InfrastructureError, match="git is not installed"):
        check_out(source_of(repository), tmp_path / "out", 30)


def test_git_never_asks(repository, tmp_path, monkeypatch):
    """No terminal, no dialogue, and only protocols that run no command."""
    spy = tmp_path / "bin"
    spy.mkdir()
    told = tmp_path / "env"
    script = f"import os; open({str(told)!r}, 'w').write(repr(dict(os.environ)))"
    (spy / "git").write_text(f"#!{sys.executable}\n{script}\n")
    (spy / "git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{spy}:{os.environ['PATH']}")
    check_out(source_of(repository), tmp_path / "out", 30)
    env = told.read_text()
    assert "'GIT_TERMINAL_PROMPT': '0'" in env
    assert "'GIT_ALLOW_PROTOCOL': 'file:git:http:https:ssh'" in env
    assert "BatchMode=yes" in env


def test_a_password_is_sent_and_not_shown_by_ps(tmp_path):
    """The password is not in git's command line, which all users can read."""
    heads, lines = [], []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve():
            connection, _ = server.accept()
            with connection:
                heads.append(connection.recv(4096))
                for path in Path("/proc").glob("[0-9]*/cmdline"):
                    with contextlib.suppress(OSError):
                        lines.append(path.read_bytes())
                connection.sendall(b"HTTP/1.0 404 Not Found\r\n\r\n")

        thread = threading.Thread(target=serve)
        thread.start()
        url = f"http://me:se%63ret@127.0.0.1:{server.getsockname()[1]}/x.git"
        with pytest.raises(InfrastructureError) as caught:
            check_out(DefinitionSource(Kind.GIT, url), tmp_path / "out", 30.0)
        thread.join()
    assert b"Authorization: Basic bWU6c2VjcmV0\r\n" in heads[0]
    assert any(b"git-remote-http" in line or b"remote-http" in line for line in lines)
    assert not any(b"se%63ret" in line or b"bWU6c2VjcmV0" in line for line in lines)
    assert "se%63ret" not in str(caught.value)
