"""The HTTP server for boards: responses and limits."""

from __future__ import annotations

import contextlib
import http.client
import os
import socket
import subprocess
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lava_dispatcher_multinode.serve import http as http_module
from lava_dispatcher_multinode.serve.file_table import FileTable
from lava_dispatcher_multinode.serve.http import HttpServer, _parse_range

from ..needs import require

DATA = os.urandom(300_000)


@pytest.fixture
def served():
    """A file table and the port of its server."""
    files = FileTable()
    server = HttpServer(files, "127.0.0.1")
    yield files, server.port
    server.close()


def _get(port, path, **headers):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request("GET", f"/{path}", headers=headers)
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return answer, content


def test_a_file_is_served_whole_and_in_part(served, tmp_path):
    """Files come from memory and from disk; a Range header gives a part."""
    files, port = served
    (tmp_path / "file").write_bytes(DATA)
    for path in (files.publish(DATA, "a.bin"), files.publish(tmp_path / "file", "b.bin")):
        answer, content = _get(port, path)
        assert (answer.status, content) == (200, DATA)
        answer, content = _get(port, path, Range="bytes=100-199")
        assert (answer.status, content) == (206, DATA[100:200])
        assert answer.headers["Content-Range"] == "bytes 100-199/300000"
        assert _get(port, path, Range="bytes=-5")[1] == DATA[-5:]
        assert _get(port, path, Range="bytes=300000-")[0].status == 416


def test_only_published_files_are_served(served, tmp_path):
    """Other paths, path traversal, withdrawn and deleted files give 404."""
    files, port = served
    path = files.publish(b"x", "x")
    for other in ("", "x", path + "/", "../" * 9 + "etc/passwd", path.replace("/", "/../")):
        assert _get(port, other)[0].status == 404
    files.withdraw(path)
    assert _get(port, path)[0].status == 404
    gone = files.publish(tmp_path / "gone", "gone")
    assert _get(port, gone)[0].status == 404


@pytest.mark.parametrize("program", ["wget", "busybox wget", "curl"])
def test_what_boards_have_can_fetch(served, tmp_path, program):
    """wget of GNU and of BusyBox, and curl, can fetch files."""
    require(program.split()[0])
    files, port = served
    url = f"http://127.0.0.1:{port}/{files.publish(DATA, 'file')}"
    output = "-o" if program == "curl" else "-O"
    command = [*program.split(), output, str(tmp_path / "got"), url]
    subprocess.run(command, check=True, capture_output=True, timeout=30)
    assert (tmp_path / "got").read_bytes() == DATA


def test_idle_connections_time_out(served, monkeypatch):
    """Idle connections are closed and do not block others."""
    files, port = served
    path = files.publish(b"content", "x")
    with socket.create_connection(("127.0.0.1", port)):
        assert _get(port, path)[1] == b"content"
    monkeypatch.setattr(http_module, "HEAD_TIMEOUT_S", 0.3)
    with socket.create_connection(("127.0.0.1", port)) as idle:
        idle.settimeout(10)
        idle.sendall(b"GET / HT")
        assert idle.recv(100) == b""


def test_the_limit_of_connections(served, monkeypatch):
    """Connections above the limit are closed; the limit counts open ones only."""
    monkeypatch.setattr(http_module, "MAX_CONNECTIONS", 2)
    files, port = served
    path = files.publish(b"content", "x")
    held = [socket.create_connection(("127.0.0.1", port)) for _ in range(2)]  # they come first
    with socket.create_connection(("127.0.0.1", port)) as third:
        third.settimeout(10)
        with contextlib.suppress(ConnectionResetError):
            assert third.recv(100) == b""
    for connection in held:
        connection.close()
    until = time.monotonic() + 10
    while True:
        try:
            assert _get(port, path)[1] == b"content"
            break
        except (OSError, http.client.HTTPException):
            assert time.monotonic() < until


@pytest.mark.parametrize(
    "head",
    [
        b"\0" * 20_000,
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST /x HTTP/1.0\r\n\r\n",
        b"\n\n",
    ],
)
def test_nonsense_ends_its_own_connection_only(served, head):
    """After garbage, unknown methods and endless heads, the next request is served."""
    files, port = served
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.settimeout(5)
        with contextlib.suppress(OSError):  # it may be reset already
            connection.sendall(head)
            connection.shutdown(socket.SHUT_WR)
        # A reset is an end; a time-out is none, and fails.
        with contextlib.suppress(ConnectionError):
            while connection.recv(4096):
                pass
    assert _get(port, files.publish(b"still here", "x"))[1] == b"still here"


def test_closing_ends_transfers_in_progress(tmp_path):
    """Closing the server ends the transfer to a stalled board."""
    files = FileTable()
    server = HttpServer(files, "127.0.0.1")
    path = files.publish(bytes(50 << 20), "big")
    with socket.create_connection(("127.0.0.1", server.port)) as slow:
        slow.sendall(f"GET /{path} HTTP/1.0\r\n\r\n".encode())
        assert slow.recv(10)
        ended = threading.Thread(target=server.close)
        ended.start()
        ended.join(10)
        assert not ended.is_alive()


@given(st.text(max_size=30) | st.from_regex(r"bytes=\d{0,20}-\d{0,20}", fullmatch=True),
       st.integers(0, 10_000))  # fmt: skip
def test_a_range_is_within_the_file(wanted, size):
    """For any Range header, the range lies inside the file."""
    span = _parse_range(wanted, size)
    assert span is None or 0 <= span[0] <= span[1] <= size
