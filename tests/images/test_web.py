"""URLs: what may be opened, and what is not told of them."""

from __future__ import annotations

import base64
import socket
import threading

import pytest

from lava_dispatcher_multinode.images.web import open_url


def test_a_login_is_sent_and_not_passed_on():
    """As HTTP's header, to the host that the URL names; a redirection elsewhere gets none."""
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
    """A function that opens a URL with a header, follows redirections to the hosts named by
    turns, and returns the head of each request."""

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
    """Along where a redirection stays there, not to another server, nor back from it."""
    assert redirected("127.0.0.1", "127.0.0.1") == [1, 1, 1]
    assert redirected("localhost", "127.0.0.1") == [1, 0, 0]
    assert redirected("localhost", "localhost") == [1, 0, 0]


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://127.0.0.1/x", "data:,x"])
def test_nothing_but_http_is_opened(url):
    """Whoever names it."""
    with pytest.raises(OSError, match="unknown url type"):
        open_url(url, 5)
