"""An HTTP server for boards: GET and HEAD of published files.

The network is not trusted: connections, request size and request time are limited, and
a client that stalls is disconnected.
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
    from .file_table import FileTable

MAX_CONNECTIONS = 64  # further ones are closed at once
MAX_HEAD_BYTES = 8192
HEAD_TIMEOUT_S = 10.0  # for the whole head of a request
STALL_TIMEOUT_S = 60.0  # for a client to accept a block
READ_BYTES = 1 << 16
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


class HttpServer:
    """Serves `files` at `address` on a free port until it is closed. Raise `OSError`."""

    def __init__(self, files: FileTable, address: str) -> None:
        self._server = _FileServer((address, 0), _RequestHandler)
        self._server.files = files
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.2,), name="HTTP for boards"
        )
        self._thread.start()

    def close(self) -> None:
        """Stop the server and all transfers."""
        self._server.shutdown()
        self._thread.join()
        self._server.disconnect_all()
        self._server.server_close()


class _FileServer(ThreadingMixIn, TCPServer):
    allow_reuse_address = True
    request_queue_size = MAX_CONNECTIONS
    files: FileTable

    def __init__(self, *arguments: Any) -> None:
        self._lock = threading.Lock()
        self._connections: set[socket.socket] = set()
        super().__init__(*arguments)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._lock:
            accepted = len(self._connections) < MAX_CONNECTIONS
            if accepted:
                self._connections.add(request)
        if accepted:
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            self._connections.discard(request)
        super().shutdown_request(request)

    def disconnect_all(self) -> None:
        with self._lock:
            for connection in self._connections:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore the error: a board that closes its connection may retry."""


class _RequestHandler(BaseHTTPRequestHandler):
    """Handles one request per connection: boards fetch few files, partly with simple tools."""

    server: _FileServer
    server_version = "lava-multinode"
    sys_version = ""

    def setup(self) -> None:
        super().setup()
        # The base class reads a head line by line, without a limit on its size.
        self.rfile = io.BytesIO(_read_head(self.connection))
        self.connection.settimeout(STALL_TIMEOUT_S)

    def do_GET(self) -> None:
        """Send the file, or the requested range of it."""
        self._respond(body=True)

    def do_HEAD(self) -> None:
        """Send the size of the file."""
        self._respond(body=False)

    def _respond(self, *, body: bool) -> None:
        self.close_connection = True
        file = self.server.files.open(self.path.partition("?")[0])
        if file is None:
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        with file:
            size = file.seek(0, io.SEEK_END)
            span = _parse_range(self.headers.get("Range", ""), size)
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
                self._send_file(file, start, end)

    def _send_file(self, file: IO[bytes], start: int, end: int) -> None:
        file.seek(start)
        while start < end and (block := file.read(min(READ_BYTES, end - start))):
            self.connection.sendall(block)
            start += len(block)

    def log_message(self, *arguments: Any) -> None:
        """Log nothing: the paths are secret."""


def _read_head(connection: socket.socket) -> bytes:
    """Return the head of a request; b"" if it is not complete in time."""
    until = time.monotonic() + HEAD_TIMEOUT_S
    head = b""
    while b"\r\n\r\n" not in head and b"\n\n" not in head:
        left = until - time.monotonic()
        if left <= 0 or len(head) > MAX_HEAD_BYTES:
            return b""
        connection.settimeout(left)
        try:
            block = connection.recv(MAX_HEAD_BYTES)
        except OSError:
            return b""
        if not block:
            return b""
        head += block
    return head


def _parse_range(wanted: str, size: int) -> tuple[int, int] | None:
    """Return start and end of a Range header; None if the file has no such range.

    An invalid header means the whole file, as HTTP specifies.
    """
    match = _RANGE.fullmatch(wanted.strip())
    if match is None or match[1] == match[2] == "":
        return 0, size
    if match[1] == "":
        return (max(0, size - int(match[2])), size) if int(match[2]) else None
    start = int(match[1])
    end = min(size, int(match[2]) + 1) if match[2] else size
    return (start, end) if start < end else None
