"""Sources of definitions for tests: repositories, archives, directories."""

from __future__ import annotations

import http.server
import io
import os
import subprocess
import tarfile
import textwrap
import threading

import pytest

from lava_dispatcher_multinode.overlay.fetch import SourceCache

SMOKE = """\
metadata:
  format: Lava-Test Test Definition 1.0
  name: smoke
run:
  steps:
    - lava-test-case one --shell true
"""


class Repository:
    """A git repository with a commit for each `commit`."""

    def __init__(self, path):
        self.path = path
        path.mkdir(parents=True)
        self.git("init", "-q", "-b", "main")

    def git(self, *arguments):
        """Run git without user or system configuration; return its output."""
        who = ("-c", "user.name=t", "-c", "user.email=t@example.com")
        env = {"PATH": os.environ["PATH"], "HOME": str(self.path), "GIT_CONFIG_NOSYSTEM": "1"}
        command = ["git", *who, *arguments]
        done = subprocess.run(
            command, cwd=self.path, env=env, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    def commit(self, **files):
        """Write files (`__` is a dot), commit them, return the commit."""
        for name, text in files.items():
            (self.path / name.replace("__", ".")).write_text(text)
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "change")
        return self.git("rev-parse", "HEAD")


@pytest.fixture
def repository(tmp_path):
    """Return a repository with a definition in it."""
    made = Repository(tmp_path / "repository")
    made.commit(smoke__yaml=SMOKE)
    return made


@pytest.fixture
def directory(tmp_path):
    """Return a plain directory with a definition and a script."""
    path = tmp_path / "plain"
    path.mkdir()
    (path / "smoke.yaml").write_text(SMOKE)
    (path / "go.sh").write_text("#!/bin/sh\nlava-send ready\n")
    (path / "go.sh").chmod(0o700)
    return path


@pytest.fixture
def cache(tmp_path):
    """Return an empty cache of sources."""
    return SourceCache(tmp_path / "cache", timeout=30)


@pytest.fixture
def smoke():
    """Return the text of a definition."""
    return SMOKE


@pytest.fixture
def make_tar():
    """Return a function that makes a tar of names and contents, or of TarInfo."""

    def make(members, mode="w:gz"):
        stream = io.BytesIO()
        with tarfile.open(fileobj=stream, mode=mode) as tar:
            for member in members:
                if isinstance(member, tarfile.TarInfo):
                    tar.addfile(member)
                else:
                    name, content = member
                    info = tarfile.TarInfo(name)
                    info.size = len(content)
                    tar.addfile(info, io.BytesIO(content))
        return stream.getvalue()

    return make


@pytest.fixture
def dedent():
    """Return textwrap.dedent."""
    return textwrap.dedent


class Server(http.server.ThreadingHTTPServer):
    """Serves `pages`; a text as a value is a redirection."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.pages = {}
        self.asked = []

    def url(self, path):
        """Return the URL of `path`."""
        return f"http://127.0.0.1:{self.server_port}{path}"


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers GET."""

    def do_GET(self):
        """Answer with the page."""
        self.server.asked.append(self.path)
        page = self.server.pages.get(self.path)
        if page is None:
            self.send_error(404)
        elif isinstance(page, str):
            self.send_response(302)
            self.send_header("Location", page)
            self.end_headers()
        else:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(page)

    def log_message(self, *_):
        """Keep quiet."""


@pytest.fixture
def server(monkeypatch):
    """Return a web server on loopback."""
    monkeypatch.setenv("no_proxy", "*")
    with Server() as made:
        thread = threading.Thread(target=made.serve_forever, args=(0.01,))
        thread.start()
        yield made
        made.shutdown()
        thread.join()
