"""Downloads: cached, resumed, bounded, with progress; and opening URLs."""

from __future__ import annotations

import base64
import hashlib
import os
import re
import socket
import threading

import pytest

from lava_dispatcher_multinode.deadline import Deadline
from lava_dispatcher_multinode.errors import ActionTimeout, DeployError
from lava_dispatcher_multinode.images import cache as cache_module
from lava_dispatcher_multinode.images import download as download_module
from lava_dispatcher_multinode.images import progress
from lava_dispatcher_multinode.images.cache import Cache
from lava_dispatcher_multinode.images.download import download, open_url
from lava_dispatcher_multinode.images.terms import NO_TERMS, Terms

DATA = os.urandom(200_000)


class Server:
    """Answers each request with the next function in `plan`, which gets the request head."""

    def __init__(self):
        self.plan = []
        self.heads = []
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://user:pa55@127.0.0.1:{self._socket.getsockname()[1]}/card.img?t=1"
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self):
        try:
            while True:
                connection, _ = self._socket.accept()
                with connection:
                    head = connection.recv(4096).decode()
                    self.heads.append(head)
                    connection.sendall(self.plan.pop(0)(head))
        except OSError:
            pass

    def close(self):
        """Stop the server."""
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join()


@pytest.fixture
def server(monkeypatch):
    """A server with arbitrary, also invalid, responses."""
    monkeypatch.setattr(download_module, "RETRY_PAUSE_S", 0.0)
    made = Server()
    yield made
    made.close()


def _answer(content, status="200 OK", length=None, **headers):
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(content) if length is None else length}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + content


def _whole(head):
    return _answer(DATA, ETag='"1"')


def _same(head):
    assert 'If-None-Match: "1"' in head
    return _answer(b"", "304 Not Modified", ETag='"1"')


def _cut(head):
    return _answer(DATA[:120_000], length=len(DATA), ETag='"1"')


def _rest(head):
    start = int(re.search(r"Range: bytes=(\d+)-", head)[1])
    assert 'If-Range: "1"' in head
    span = f"bytes {start}-{len(DATA) - 1}/{len(DATA)}"
    return _answer(DATA[start:], "206 Partial Content", ETag='"1"', Content_Range=span)


def _fetch(server, directory, terms=NO_TERMS, steps=None):
    step = (steps if steps is not None else []).append
    return download(server.url, Cache(directory), terms, Deadline(30, "test"), step)


def test_a_lost_connection_is_resumed(server, tmp_path):
    """The rest is requested, on condition that the file is unchanged."""
    server.plan = [_cut, _rest]
    assert _fetch(server, tmp_path).read_bytes() == DATA
    assert "Range: bytes=120000-" in server.heads[1]


def test_timeouts_name_the_download(server, tmp_path):
    """The message has the file and the last error."""
    deadline = Deadline(30, "test")

    def nothing(_head):
        deadline.at = 0.0
        return _answer(b"", length=10)

    server.plan = [nothing]
    with pytest.raises(
        ActionTimeout, match=r"\(test\): fetching http.*card\.img.*: connection lost"
    ):
        download(server.url, Cache(tmp_path), NO_TERMS, deadline, print)


def test_the_next_run_resumes(server, tmp_path, monkeypatch):
    """A run resumes the incomplete download of another."""
    monkeypatch.setattr(download_module, "MAX_ATTEMPTS", 1)
    server.plan = [_cut, _rest]
    with pytest.raises(DeployError, match="connection lost, 80000 bytes missing"):
        _fetch(server, tmp_path)
    assert _fetch(server, tmp_path).read_bytes() == DATA


def test_a_changed_file_is_downloaded_from_its_start(server, tmp_path):
    """If the server ignores or rejects the range, no old part remains."""
    new = os.urandom(1000)
    server.plan = [_cut, lambda head: _answer(new, ETag='"2"')]
    assert _fetch(server, tmp_path).read_bytes() == new
    server.plan = [_cut, lambda head: _answer(b"", "416 Range Not Satisfiable"), _whole]
    server.url += "2"
    assert _fetch(server, tmp_path).read_bytes() == DATA


def test_without_a_validator_nothing_is_patched_together(server, tmp_path):
    """Without a validator, a download starts again: the file could have changed."""
    server.plan = [
        lambda head: _answer(b"x" * 500, length=1000),
        lambda head: _answer(DATA) if "Range" not in head else _answer(b"", "500 No"),
    ]
    assert _fetch(server, tmp_path).read_bytes() == DATA


def test_an_unchanged_file_is_not_fetched_again(server, tmp_path):
    """The server is asked for changes; a known digest needs no request."""
    steps: list[str] = []
    server.plan = [_whole, lambda head: _answer(b"", "304 Not Modified")]
    first = _fetch(server, tmp_path)
    assert _fetch(server, tmp_path, steps=steps) == first
    assert 'If-None-Match: "1"' in server.heads[1]
    assert steps[-1].endswith("unchanged, taken from the cache")
    assert (
        _fetch(server, tmp_path, Terms({"sha256sum": hashlib.sha256(DATA).hexdigest()})) == first
    )
    assert len(server.heads) == 2


def test_a_file_changed_on_disk_is_fetched_again(server, tmp_path):
    """The cache verifies the digest."""
    server.plan = [_whole, _whole]
    _fetch(server, tmp_path).write_bytes(b"spoiled")
    assert _fetch(server, tmp_path).read_bytes() == DATA
    assert "If-None-Match" not in server.heads[1]


def test_attempts_are_limited(server, tmp_path):
    """A server that loses every connection is given up."""
    server.plan = [lambda head: _answer(b"", length=10)] * 9
    with pytest.raises(DeployError, match="connection lost, 10 bytes missing"):
        _fetch(server, tmp_path)
    assert len(server.heads) <= download_module.MAX_ATTEMPTS


def test_passwords_are_not_shown(server, tmp_path):
    """A password is not in steps, errors or names of cache files."""
    steps: list[str] = []
    server.plan = [lambda head: _answer(b"", "403 Forbidden")]
    with pytest.raises(DeployError, match="the server answers 403") as error:
        _fetch(server, tmp_path, steps=steps)
    names = [str(path) for path in tmp_path.rglob("*")]
    assert "pa55" not in f"{error.value} {steps} {names}"


def test_headers_are_sent_and_shown_nowhere(server, tmp_path):
    """Headers go to the server, and not into messages or names of cache files."""
    steps: list[str] = []
    server.plan = [_whole, lambda _: _answer(b"", "403 Forbidden")]
    terms = Terms(headers={"PRIVATE-TOKEN": "hunter2"})
    assert _fetch(server, tmp_path, terms, steps).read_bytes() == DATA
    assert "\r\nPrivate-Token: hunter2\r\n" in server.heads[0]
    with pytest.raises(DeployError) as error:
        _fetch(server, tmp_path, terms, steps)
    names = [str(path) for path in tmp_path.rglob("*")]
    assert "hunter2" not in f"{error.value} {steps} {names}"


def test_other_headers_are_another_file(server, tmp_path):
    """The validator of a download with other headers is not sent."""
    server.plan = [_whole, lambda _: _answer(b"other", ETag='"2"'), _same]
    first = Terms(headers={"Accept": "application/octet-stream"})
    assert _fetch(server, tmp_path, first).read_bytes() == DATA
    assert _fetch(server, tmp_path).read_bytes() == b"other"
    assert "If-None-Match" not in server.heads[1]
    assert _fetch(server, tmp_path, first).read_bytes() == DATA


def test_progress_is_reported(server, tmp_path, monkeypatch):
    """Steps show done and total."""
    monkeypatch.setattr(progress, "REPORT_INTERVAL_S", 0.0)
    steps: list[str] = []
    server.plan = [_whole]
    _fetch(server, tmp_path, steps=steps)
    assert re.search(r"fetching http://\S+/card.img: 0 of 0 MB", "\n".join(steps))


def test_files_larger_than_the_disk(server, tmp_path, monkeypatch):
    """The download fails before the disk is full, and its part is removed."""
    monkeypatch.setattr(download_module, "MIN_FREE_BYTES", 1 << 60)
    server.plan = [_whole]
    with pytest.raises(DeployError, match="too large for the free space"):
        _fetch(server, tmp_path)
    assert not list(tmp_path.rglob("*.part"))


def test_the_cache_has_a_limit(server, tmp_path, monkeypatch):
    """The least recently used file is removed, never the newest."""
    monkeypatch.setattr(cache_module, "MAX_BYTES", 300_000)
    old = os.urandom(200_000)
    server.plan = [lambda head: _answer(old), _whole]
    first = _fetch(server, tmp_path)
    server.url += "2"
    second = _fetch(server, tmp_path)
    assert not first.exists()
    assert second.read_bytes() == DATA


def test_a_login_is_sent_and_not_passed_on():
    """A login goes to the host of the URL as a header, and not to a redirection."""
    heads = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        answers = [
            f"HTTP/1.0 302 Found\r\nLocation: http://127.0.0.1:{port}/other\r\n\r\n",
            "HTTP/1.0 200 OK\r\n\r\nfile",
        ]

        def serve():
            for answer in answers:
                connection, _ = server.accept()
                with connection:
                    heads.append(connection.recv(4096).decode())
                    connection.sendall(answer.encode())

        thread = threading.Thread(target=serve)
        thread.start()
        with open_url(f"http://me:p%40ss@127.0.0.1:{port}/x", 20) as answer:
            assert answer.read() == b"file"
        thread.join()
    assert f"Authorization: Basic {base64.b64encode(b'me:p@ss').decode()}\r\n" in heads[0]
    assert "Authorization" not in heads[1]


@pytest.fixture
def redirected():
    """A function that opens a URL with a header, redirects it to the given hosts, and
    returns for each request whether it had the header."""

    def run(*hosts):
        heads = []
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]

            def serve():
                for host in (*hosts, ""):
                    connection, _ = server.accept()
                    with connection:
                        heads.append(connection.recv(4096).decode())
                        to = f"302 Found\r\nLocation: http://{host}:{port}/{len(heads)}"
                        answer = to if host else "200 OK"
                        connection.sendall(f"HTTP/1.0 {answer}\r\n\r\n".encode())

            thread = threading.Thread(target=serve)
            thread.start()
            with open_url(f"http://127.0.0.1:{port}/x", 20, {}, {"PRIVATE-TOKEN": "t"}):
                pass
            thread.join()
        return [head.lower().count("private-token: t\r\n") for head in heads]

    return run


def test_a_header_stays_with_its_server(redirected):
    """A redirection keeps the header on the same server, and drops it on another one."""
    assert redirected("127.0.0.1", "127.0.0.1") == [1, 1, 1]
    assert redirected("localhost", "127.0.0.1") == [1, 0, 0]
    assert redirected("localhost", "localhost") == [1, 0, 0]


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://127.0.0.1/x", "data:,x"])
def test_nothing_but_http_is_opened(url):
    """Other schemes are errors."""
    with pytest.raises(OSError, match="unknown url type"):
        open_url(url, 5)
