"""A small HTTP server for boards: GET and HEAD of what is on a shelf, and nothing else.

The network is not trusted: connections are counted, the head of a request has a size and a
time, and who does not take what it asked for is let go.
"""

from __future__ import annotations

import io
import re
import socket
import threading
import time
from contextlib import suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from socketserver import TCPServer, ThreadingMixIn
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .file_table import Shelf

CONNECTIONS = 64  # at once; one more is closed unheard
HEAD_BYTES = 8192
HEAD_WAIT = 10.0  # seconds for the whole head of a request
STALL = 60.0  # seconds for a block of the answer to be taken
BLOCK = 1 << 16
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


class HttpServer:
    """Serves `shelf` at `address` (a port of its own choice) until it is closed."""

    def __init__(self, shelf: Shelf, address: str) -> None:
        self._server = _Server((address, 0), _Handler)
        self._server.shelf = shelf
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.2,), name="HTTP for boards"
        )
        self._thread.start()

    def close(self) -> None:
        """End it, and every transfer with it."""
        self._server.shutdown()
        self._thread.join()
        self._server.hang_up()
        self._server.server_close()


class _Server(ThreadingMixIn, TCPServer):
    allow_reuse_address = True
    request_queue_size = CONNECTIONS
    shelf: Shelf

    def __init__(self, *arguments: Any) -> None:
        self._lock = threading.Lock()
        self._connections: set[socket.socket] = set()
        super().__init__(*arguments)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._lock:
            room = len(self._connections) < CONNECTIONS
            if room:
                self._connections.add(request)
        if room:
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            self._connections.discard(request)
        super().shutdown_request(request)

    def hang_up(self) -> None:
        with self._lock:
            for connection in self._connections:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a board that hangs up is the board's business, and retries."""


class _Handler(BaseHTTPRequestHandler):
    """One request a connection: boards ask for few files, and some of their tools ask badly."""

    server: _Server
    server_version = "lava-multinode"
    sys_version = ""

    def setup(self) -> None:
        super().setup()
        # The class above reads a head line by line, with no limit on all of it.
        self.rfile = io.BytesIO(_head(self.connection))
        self.connection.settimeout(STALL)

    def do_GET(self) -> None:
        """Answer with the file, or the part of it that is asked for."""
        self._answer(body=True)

    def do_HEAD(self) -> None:
        """Answer with the file's size."""
        self._answer(body=False)

    def _answer(self, *, body: bool) -> None:
        self.close_connection = True
        file = self.server.shelf.open(self.path.partition("?")[0])
        if file is None:
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        with file:
            size = file.seek(0, io.SEEK_END)
            span = _span(self.headers.get("Range", ""), size)
            if span is None:
                self.send_response(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE)
                self.send_header("Content-Range", f"bytes */{size}")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            start, end = span
            partial = end - start != size
            self.send_response(HTTPStatus.PARTIAL_CONTENT if partial else HTTPStatus.OK)
            if partial:
                self.send_header("Content-Range", f"bytes {start}-{end - 1}/{size}")
            self.send_header("Accept-Ranges", "bytes")
            self.send_header("Content-Type", "application/octet-stream")
            self.send_header("Content-Length", str(end - start))
            self.end_headers()
            if body:
                self._send(file, start, end)

    def _send(self, file: IO[bytes], start: int, end: int) -> None:
        file.seek(start)
        while start < end and (block := file.read(min(BLOCK, end - start))):
            self.connection.sendall(block)
            start += len(block)

    def log_message(self, *arguments: Any) -> None:
        """Say nothing; the paths are secrets."""


def _head(connection: socket.socket) -> bytes:
    """Return the head of a request; what is not whole in time ends in nothing."""
    until = time.monotonic() + HEAD_WAIT
    head = b""
    while b"\r\n\r\n" not in head and b"\n\n" not in head:
        left = until - time.monotonic()
        if left <= 0 or len(head) > HEAD_BYTES:
            return b""
        connection.settimeout(left)
        try:
            block = connection.recv(HEAD_BYTES)
        except OSError:
            return b""
        if not block:
            return b""
        head += block
    return head


def _span(wanted: str, size: int) -> tuple[int, int] | None:
    """Return the part of a file that a Range header means; None if there is no such part.

    A header that is not understood means all of it, as HTTP has it.
    """
    match = _RANGE.fullmatch(wanted.strip())
    if match is None or match[1] == match[2] == "":
        return 0, size
    if match[1] == "":
        return (max(0, size - int(match[2])), size) if int(match[2]) else None
    start = int(match[1])
    end = min(size, int(match[2]) + 1) if match[2] else size
    return (start, end) if start < end else None
