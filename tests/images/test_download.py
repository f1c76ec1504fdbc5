"""Downloads: remembered, gone on with, bounded, and told about."""

from __future__ import annotations

import hashlib
import os
import re
import socket
import threading

import pytest

from lava_dispatcher_multinode.deadline import Deadline
from lava_dispatcher_multinode.errors import ActionTimeout, DeployError
from lava_dispatcher_multinode.images import cache as cache_module
from lava_dispatcher_multinode.images import download as fetch_module
from lava_dispatcher_multinode.images import progress
from lava_dispatcher_multinode.images.cache import Cache
from lava_dispatcher_multinode.images.download import fetch
from lava_dispatcher_multinode.images.terms import FREE, Terms

DATA = os.urandom(200_000)


class Server:
    """Answers each request as `plan` says next: a function of the request's head."""

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
        """End it."""
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join()


@pytest.fixture
def server(monkeypatch):
    """A server that can be as wrong as a test wants it."""
    monkeypatch.setattr(fetch_module, "PAUSE", 0.0)
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


def _fetch(server, directory, terms=FREE, steps=None):
    step = (steps if steps is not None else []).append
    return fetch(server.url, Cache(directory), terms, Deadline(30, "test"), step)


def test_what_was_cut_off_goes_on_from_there(server, tmp_path):
    """The rest is asked for, on the condition that the file is still the same."""
    server.plan = [_cut, _rest]
    assert _fetch(server, tmp_path).read_bytes() == DATA
    assert "Range: bytes=120000-" in server.heads[1]


def test_a_time_that_is_over_says_what_for(server, tmp_path):
    """The file, and how it was going: not the limit alone."""
    deadline = Deadline(30, "test")

    def nothing(_head):
        deadline.at = 0.0
        return _answer(b"", length=10)

    server.plan = [nothing]
    with pytest.raises(ActionTimeout, match=r"\(test\): fetching http.*card\.img.*: cut off"):
        fetch(server.url, Cache(tmp_path), FREE, deadline, print)


def test_the_next_run_goes_on_too(server, tmp_path, monkeypatch):
    """What the one could not finish the other need not begin."""
    monkeypatch.setattr(fetch_module, "TRIES", 1)
    server.plan = [_cut, _rest]
    with pytest.raises(DeployError, match="cut off, 80000 bytes are missing"):
        _fetch(server, tmp_path)
    assert _fetch(server, tmp_path).read_bytes() == DATA


def test_a_file_that_has_changed_starts_anew(server, tmp_path):
    """The server ignores the range, or cannot serve it: nothing of the old one stays."""
    new = os.urandom(1000)
    server.plan = [_cut, lambda head: _answer(new, ETag='"2"')]
    assert _fetch(server, tmp_path).read_bytes() == new
    server.plan = [_cut, lambda head: _answer(b"", "416 Range Not Satisfiable"), _whole]
    server.url += "2"
    assert _fetch(server, tmp_path).read_bytes() == DATA


def test_without_a_validator_nothing_is_patched_together(server, tmp_path):
    """Two halves of two files are no file."""
    server.plan = [
        lambda head: _answer(b"x" * 500, length=1000),
        lambda head: _answer(DATA) if "Range" not in head else _answer(b"", "500 No"),
    ]
    assert _fetch(server, tmp_path).read_bytes() == DATA


def test_an_unchanged_file_is_not_fetched_again(server, tmp_path):
    """The server is asked whether it is; a digest that is known asks nobody."""
    steps: list[str] = []
    server.plan = [_whole, lambda head: _answer(b"", "304 Not Modified")]
    first = _fetch(server, tmp_path)
    assert _fetch(server, tmp_path, steps=steps) == first
    assert 'If-None-Match: "1"' in server.heads[1]
    assert steps[-1].endswith("as it is in the cache")
    assert (
        _fetch(server, tmp_path, Terms({"sha256sum": hashlib.sha256(DATA).hexdigest()})) == first
    )
    assert len(server.heads) == 2


def test_what_the_disk_has_changed_is_fetched_again(server, tmp_path):
    """The cache believes in digests only."""
    server.plan = [_whole, _whole]
    _fetch(server, tmp_path).write_bytes(b"spoiled")
    assert _fetch(server, tmp_path).read_bytes() == DATA
    assert "If-None-Match" not in server.heads[1]


def test_a_server_that_always_cuts_is_given_up(server, tmp_path):
    """After some tries."""
    server.plan = [lambda head: _answer(b"", length=10)] * 9
    with pytest.raises(DeployError, match="cut off, 10 bytes are missing"):
        _fetch(server, tmp_path)
    assert len(server.heads) <= fetch_module.TRIES


def test_no_password_is_told(server, tmp_path):
    """Neither in steps nor in errors, nor in the names of the cache."""
    steps: list[str] = []
    server.plan = [lambda head: _answer(b"", "403 Forbidden")]
    with pytest.raises(DeployError, match="the server answers 403") as error:
        _fetch(server, tmp_path, steps=steps)
    names = [str(path) for path in tmp_path.rglob("*")]
    assert "pa55" not in f"{error.value} {steps} {names}"


def test_headers_are_sent_and_shown_nowhere(server, tmp_path):
    """A job's headers go to the server; neither a message nor a name of the cache has them."""
    steps: list[str] = []
    server.plan = [_whole, lambda _: _answer(b"", "403 Forbidden")]
    terms = Terms(headers={"PRIVATE-TOKEN": "hunter2"})
    assert _fetch(server, tmp_path, terms, steps).read_bytes() == DATA
    assert "\r\nPrivate-Token: hunter2\r\n" in server.heads[0]
    with pytest.raises(DeployError) as error:
        _fetch(server, tmp_path, terms, steps)
    names = [str(path) for path in tmp_path.rglob("*")]
    assert "hunter2" not in f"{error.value} {steps} {names}"


def test_what_other_headers_brought_is_another_file(server, tmp_path):
    """The server is asked anew, without the validator of what it gave for other headers."""
    server.plan = [_whole, lambda _: _answer(b"other", ETag='"2"'), _same]
    first = Terms(headers={"Accept": "application/octet-stream"})
    assert _fetch(server, tmp_path, first).read_bytes() == DATA
    assert _fetch(server, tmp_path).read_bytes() == b"other"
    assert "If-None-Match" not in server.heads[1]
    assert _fetch(server, tmp_path, first).read_bytes() == DATA


def test_progress_is_told(server, tmp_path, monkeypatch):
    """How much of how much."""
    monkeypatch.setattr(progress, "EVERY", 0.0)
    steps: list[str] = []
    server.plan = [_whole]
    _fetch(server, tmp_path, steps=steps)
    assert re.search(r"fetching http://\S+/card.img: 0 of 0 MB", "\n".join(steps))


def test_a_file_beyond_the_disk_is_refused(server, tmp_path, monkeypatch):
    """Before it fills it; what had come goes away."""
    monkeypatch.setattr(fetch_module, "SPARE", 1 << 60)
    server.plan = [_whole]
    with pytest.raises(DeployError, match="too large for the free space"):
        _fetch(server, tmp_path)
    assert not list(tmp_path.rglob("*.part"))


def test_the_cache_has_a_limit(server, tmp_path, monkeypatch):
    """What was not used for longest goes, never the newest."""
    monkeypatch.setattr(cache_module, "LIMIT", 300_000)
    old = os.urandom(200_000)
    server.plan = [lambda head: _answer(old), _whole]
    first = _fetch(server, tmp_path)
    server.url += "2"
    second = _fetch(server, tmp_path)
    assert not first.exists()
    assert second.read_bytes() == DATA
