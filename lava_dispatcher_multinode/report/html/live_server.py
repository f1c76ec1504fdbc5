"""Serves the report page of a run in progress to browsers on the same host; read-only.

The URL has a random token, since other users of the host can reach its loopback interface. The
Host header is checked against DNS rebinding.
"""

from __future__ import annotations

import json
import secrets
import shutil
import threading
import time
from contextlib import suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from ..consoles import Consoles, visible
from ..inputs import ReportInputs
from ..results import Results
from . import html_report

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

MAX_FOLLOWERS = 8  # pages with an event stream
MAX_CONNECTIONS = 64  # idle ones included
POLL_INTERVAL_S = 1.0  # of an event stream
PAGE_PAUSE_FACTOR = 20  # pause after making a page, as a multiple of its duration
INITIAL_CONSOLE_BYTES = 65536  # of each console in a new event stream
CONSOLE_CHUNK_BYTES = 65536  # of one console in one message
KEEPALIVE_S = 10.0  # between messages; detects closed connections
CLIENT_TIMEOUT_S = 10.0  # for reads and writes
CLOSE_TIMEOUT_S = 3.0  # for pages to fetch the final state


class LiveRun:
    """An event subscriber that makes the page of the current state."""

    def __init__(self, directory: Path) -> None:
        self.consoles = Consoles(directory)
        self._inputs = ReportInputs(self.consoles)
        self.over = False
        self.version = 0
        self.changed = threading.Condition()
        self._pending: list[Mapping[str, Any]] = []
        self._results = Results(process_alive=True)
        self._page: tuple[int, bytes] = (-1, b"")
        self._rest_until = 0.0
        self._making = threading.Lock()

    def __call__(self, event: Mapping[str, Any]) -> None:
        """Queue one event; returns at once, also while a page is made."""
        with self.changed:
            self._pending.append(event)
            self.version += 1
            self.changed.notify_all()

    def page(self) -> bytes:
        """Return the page, reusing the last one for a while if making it takes long."""
        with self._making:
            version, page = self._page
            if version == self.version or (version >= 0 and self.resting):
                return page
            with self.changed:
                pending, self._pending = self._pending, []
                version = self.version
            began = time.monotonic()
            for event in pending:
                self._results.feed(event)
            if self.over:
                self._results.mark_process_ended()
            page = html_report.render(self._results, self._inputs, live="events").encode()
            self._page = version, page
            now = time.monotonic()
            self._rest_until = now + PAGE_PAUSE_FACTOR * (now - began)
            return page

    @property
    def resting(self) -> bool:
        """True if the last page is reused although there are new events."""
        return not self.over and time.monotonic() < self._rest_until

    def nodes(self) -> list[str]:
        """Return the names of the nodes on the last page."""
        with self._making:
            return list(self._results.nodes)

    def finish(self) -> None:
        """Mark the run as over, and wake all event streams."""
        with self.changed:
            self.over = True
            self.changed.notify_all()


class WebServer:
    """Serves one run on the loopback interface until `close`. OSError: the port is in use."""

    def __init__(self, run: LiveRun, port: int = 0) -> None:
        self._run = run
        self._server = _PageServer(run, port)
        self.url = f"http://127.0.0.1:{self._server.server_port}/{self._server.token}/"
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.1}, name="web"
        )
        self._thread.start()

    def close(self) -> None:
        """Let open pages fetch the final state, then stop."""
        self._run.finish()
        end = time.monotonic() + CLOSE_TIMEOUT_S
        with self._run.changed:
            while self._server.clients and time.monotonic() < end:
                self._run.changed.wait(end - time.monotonic())
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> WebServer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _PageServer(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 16

    def __init__(self, run: LiveRun, port: int) -> None:
        self.run = run
        self.token = secrets.token_urlsafe(16)
        self._slots = threading.BoundedSemaphore(MAX_CONNECTIONS)
        self.clients = 0  # of the event stream; guarded by run.changed
        super().__init__(("127.0.0.1", port), _PageHandler)
        self.hosts = {f"{name}:{self.server_port}" for name in ("127.0.0.1", "localhost")}

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve a connection in a thread, or refuse it above `MAX_CONNECTIONS`."""
        if self._slots.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve the connection, and free its slot."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._slots.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore closed connections: the terminal is in use."""


class _PageHandler(BaseHTTPRequestHandler):
    server: _PageServer
    timeout = CLIENT_TIMEOUT_S
    server_version = "lava-multinode"
    sys_version = ""

    def do_GET(self) -> None:
        _, _, rest = self.path.partition("/")
        token, slash, path = rest.partition("/")
        known = secrets.compare_digest(token.encode(), self.server.token.encode())
        if self.headers.get("Host") not in self.server.hosts or not (known and slash):
            self.send_error(HTTPStatus.FORBIDDEN, "wrong URL: use the one that was printed")
        elif path == "":
            self._page()
        elif path == "events":
            self._events()
        else:
            self._file(path)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Log nothing: the terminal shows the run."""

    def _head(self, kind: str, length: int | None = None) -> None:
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", kind)
        if length is not None:
            self.send_header("Content-Length", str(length))
        for name, value in (
            ("Cache-Control", "no-store"),
            ("Referrer-Policy", "no-referrer"),
            ("X-Content-Type-Options", "nosniff"),
            ("X-Frame-Options", "DENY"),
            ("Cross-Origin-Resource-Policy", "same-origin"),
        ):
            self.send_header(name, value)
        self.end_headers()

    def _page(self) -> None:
        page = self.server.run.page()
        self._head("text/html; charset=utf-8", len(page))
        self.wfile.write(page)

    def _file(self, path: str) -> None:
        folder, _, rest = path.partition("/")
        node, _, name = rest.partition("/")
        log = self.server.run.consoles.path(unquote(node))
        if folder != "nodes" or log is None or name not in {"console.log", "console.raw"}:
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        with open(log.with_name(name), "rb") as file:
            self._head("text/plain; charset=utf-8")
            shutil.copyfileobj(file, self.wfile)

    def _events(self) -> None:
        server = self.server
        with server.run.changed:
            if server.clients >= MAX_FOLLOWERS:
                self.send_error(
                    HTTPStatus.SERVICE_UNAVAILABLE, f"too many pages: {MAX_FOLLOWERS} are open"
                )
                return
            server.clients += 1
        try:
            self._head("text/event-stream")
            for kind, data in _stream(server.run):
                self.wfile.write(f"event: {kind}\ndata: {data}\n\n".encode())
                self.wfile.flush()
            # The page fetches its final state, then closes the connection.
            with suppress(OSError):
                self.rfile.read(1)
        finally:
            with server.run.changed:
                server.clients -= 1
                server.run.changed.notify_all()


def _stream(run: LiveRun) -> Iterator[tuple[str, str]]:
    """Yield the messages for a page: it is out of date, console lines, the end."""
    consoles = _ConsoleFollower(run)
    sent_version, sent = -1, time.monotonic()
    while True:
        with run.changed:
            over, version = run.over, run.version
        messages = list(consoles.read_new())
        if version != sent_version and not run.resting:
            sent_version = version
            messages.append(("changed", str(version)))
        elif time.monotonic() - sent > KEEPALIVE_S:
            messages.append(("alive", ""))
        if messages:
            sent = time.monotonic()
            yield from messages
        if over:
            yield "end", ""
            return
        with run.changed:
            run.changed.wait_for(lambda: run.over, POLL_INTERVAL_S)


class _ConsoleFollower:
    """Reads the consoles for one page: what was added since the last read."""

    def __init__(self, run: LiveRun) -> None:
        self._run = run
        self._read: dict[str, int] = {}

    def read_new(self) -> Iterator[tuple[str, str]]:
        for node in self._run.nodes():
            path = self._run.consoles.path(node)
            if path is None:
                continue
            with suppress(OSError), open(path, "rb") as file:
                text = self._next(node, file, path.stat().st_size)
                if text:
                    yield "console", json.dumps({"node": node, "text": visible(text)})

    def _next(self, node: str, file: Any, size: int) -> bytes:
        start = self._read.get(node)
        begun = start is not None
        start = start if start is not None else max(0, size - INITIAL_CONSOLE_BYTES)
        file.seek(start)
        data: bytes = file.read(CONSOLE_CHUNK_BYTES)
        end = data.rfind(b"\n") + 1
        self._read[node] = start + end
        if not begun and start:
            return data[data.find(b"\n") + 1 : end]
        return data[:end]
