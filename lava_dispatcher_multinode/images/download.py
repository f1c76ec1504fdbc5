"""Downloads by HTTP and scp: cached, resumable, with progress."""

from __future__ import annotations

import http.client
import shutil
import subprocess
import time
from contextlib import suppress
from typing import IO, TYPE_CHECKING, Any
from urllib.error import HTTPError
from urllib.parse import urlsplit

from ..errors import DeployError
from ..redaction import split_login, without_secrets
from .progress import ProgressReporter

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from http.client import HTTPResponse
    from pathlib import Path

    from ..deadline import Deadline
    from .cache import Cache
    from .terms import Terms

STALL_TIMEOUT_S = 60.0  # without a byte from the server
READ_BYTES = 1 << 16
MIN_FREE_BYTES = 256 << 20  # of disk that a download leaves free
MAX_ATTEMPTS = 5
RETRY_PAUSE_S = 1.0
_MISSING = (403, 404, 410)  # object stores answer 403 for what is not there


class MissingFile(DeployError):
    """The server says that it has no such file."""


class ConnectionLost(Exception):
    """The connection ended before the file; the argument is the reason."""


def open_url(
    url: str,
    timeout: float,
    headers: Mapping[str, str] | None = None,
    private: Mapping[str, str] | None = None,
) -> HTTPResponse:
    """Return the response to a GET of `url`; the caller closes it.

    Only http and https are opened, redirections included. `timeout` is in seconds without
    a byte. `private` are headers for the server of `url` alone: a redirection to another
    server drops them. Raise what urllib does: `OSError` (`HTTPError` is one), `ValueError`,
    `http.client.HTTPException`.
    """
    from urllib import request

    kept = dict(private or {})

    class Redirections(request.HTTPRedirectHandler):
        def redirect_request(self, req: Any, *args: Any) -> request.Request | None:
            following = super().redirect_request(req, *args)
            if following is not None and _is_same_server(req.full_url, following.full_url):
                for name, value in kept.items():
                    following.add_unredirected_header(name, value)
            else:
                kept.clear()  # a later redirection back does not get them either
            return following

    # Not urlopen: a redirection must not lead to file: or ftp:.
    opener = request.OpenerDirector()
    for handler in (
        request.ProxyHandler, request.HTTPHandler, request.HTTPSHandler,
        request.HTTPDefaultErrorHandler, Redirections,
        request.HTTPErrorProcessor, request.UnknownHandler,
    ):  # fmt: skip
        opener.add_handler(handler())
    address, login = split_login(url)
    wanted = request.Request(address, headers=dict(headers or {}))  # noqa: S310 - see above
    for name, value in {**kept, **login}.items():  # dropped by a redirection
        wanted.add_unredirected_header(name, value)
    answer: Any = opener.open(wanted, timeout=timeout)
    return answer  # type: ignore[no-any-return]


def _is_same_server(url: str, other: str) -> bool:
    """Return True if `other` is on the server of `url`, and no less encrypted."""
    before, after = urlsplit(url), urlsplit(other)
    return before.netloc.lower() == after.netloc.lower() and (
        after.scheme in {before.scheme, "https"}
    )


def download(
    url: str, cache: Cache, terms: Terms, deadline: Deadline, step: Callable[[str], None]
) -> Path:
    """Return a file of the cache with the present content of `url`; raise `DeployError`.

    A file in the cache with the SHA-256 of `terms` is returned without a request.
    """
    name = without_secrets(url)
    sha256 = terms.sha256
    if sha256 is not None and (path := cache.find(sha256.lower())) is not None:
        step(f"{name}: taken from the cache")
        return path
    from filelock import FileLock, Timeout

    try:
        lock = FileLock(cache.url_path(_cache_key(url, terms.headers), ".lock"))
        with lock.acquire(timeout=deadline.within(deadline.seconds)):
            step(f"fetching {name}")
            if url.startswith("scp://"):
                return _copy_by_scp(url, name, cache, deadline)
            return _Download(url, name, terms.headers, cache, deadline, step).run()
    except Timeout:
        deadline.check(f"waiting for another run to fetch {name}")
        raise DeployError(f"{name}: another run is fetching it") from None
    except OSError as error:
        raise DeployError(f"{name}: download failed: {error}") from error


def download_if_there(
    url: str, cache: Cache, terms: Terms, deadline: Deadline, step: Callable[[str], None]
) -> Path | None:
    """Return what `download` does; None if the server says that there is no such file."""
    try:
        return download(url, cache, terms, deadline, step)
    except MissingFile:
        return None


def _cache_key(url: str, headers: Mapping[str, str]) -> str:
    """Return the cache key of a download: other headers may give another file."""
    return "\n".join([url, *sorted(f"{name.lower()}: {headers[name]}" for name in headers)])


class _Download:
    """The download of one file by HTTP, resumed where a connection was lost."""

    def __init__(
        self,
        url: str,
        name: str,
        headers: Mapping[str, str],
        cache: Cache,
        deadline: Deadline,
        step: Callable[[str], None],
    ) -> None:
        self._url = url
        self._name = name
        self._headers = headers
        self._key = _cache_key(url, headers)
        self._cache = cache
        self._deadline = deadline
        self._step = step
        self._part = cache.url_path(self._key, ".part")

    def run(self) -> Path:
        for number in range(1, MAX_ATTEMPTS + 1):
            try:
                return self._request()
            except ConnectionLost as error:
                if number == MAX_ATTEMPTS:
                    raise DeployError(f"{self._name}: {error}") from error
                self._deadline.check(f"fetching {self._name}: {error}")
                self._step(f"fetching {self._name}: {error}; retrying")
                time.sleep(self._deadline.within(RETRY_PAUSE_S))
            except HTTPError as error:
                error.close()  # the error holds the connection
                kind = MissingFile if error.code in _MISSING else DeployError
                raise kind(
                    f"{self._name}: the server answers {error.code} {error.reason}"
                ) from error
            except (OSError, ValueError, http.client.HTTPException) as error:
                reason = getattr(error, "reason", error) or type(error).__name__
                raise DeployError(f"{self._name}: download failed: {reason}") from error
        raise AssertionError

    def _request(self) -> Path:
        known = self._cache.load_facts(self._key)
        cached = self._cache.find(str(known.get("sha256", "")))
        begun = self._cache.load_facts(self._key, ".part.json")
        headers = {"Accept-Encoding": "identity"}
        start = self._part_size() if begun.get("validator") else 0
        if start:
            headers |= {"Range": f"bytes={start}-", "If-Range": str(begun["validator"])}
        elif cached is not None and known.get("etag"):
            headers["If-None-Match"] = str(known["etag"])
        elif cached is not None and known.get("modified"):
            headers["If-Modified-Since"] = str(known["modified"])
        try:
            answer = open_url(
                self._url, self._deadline.within(STALL_TIMEOUT_S), headers, self._headers
            )
        except HTTPError as error:
            if error.code == 304 and cached is not None:
                error.close()
                self._step(f"{self._name}: unchanged, taken from the cache")
                return cached
            if error.code == 416:  # the part is not the beginning of the present file
                error.close()
                self._part.unlink(missing_ok=True)
                raise ConnectionLost("the server cannot resume the download") from error
            raise
        with answer:
            return self._receive(answer, start)

    def _receive(self, answer: http.client.HTTPResponse, start: int) -> Path:
        etag, modified = answer.headers["ETag"], answer.headers["Last-Modified"]
        strong = etag if etag and not etag.startswith("W/") else modified
        self._cache.save_facts(self._key, {"validator": strong}, ".part.json")
        span = answer.headers.get("Content-Range", "")
        resumed = answer.status == 206 and span.startswith(f"bytes {start}-")
        with self._part.open("ab" if resumed else "wb") as file:
            total = (start if resumed else 0) + answer.length if answer.length else None
            self._copy(answer, file, total)
        path, sha256 = self._cache.store(self._part)
        facts: dict[str, Any] = {"sha256": sha256, "etag": etag, "modified": modified}
        self._cache.save_facts(self._key, facts)
        return path

    def _copy(self, answer: http.client.HTTPResponse, file: IO[bytes], total: int | None) -> None:
        progress = ProgressReporter(f"fetching {self._name}", self._step, self._deadline)
        free = shutil.disk_usage(self._part.parent).free
        done = file.tell()
        max_size = done + free - MIN_FREE_BYTES
        try:
            # read1 returns what has arrived, so that the deadline also ends a slow server.
            while block := answer.read1(READ_BYTES):
                done += len(block)
                if done > max_size or (total or 0) > max_size:
                    self._part.unlink()
                    raise DeployError(
                        f"{self._name}: too large for the free space of {self._part.parent}"
                    )
                file.write(block)
                progress.report(done, total)
        except (TimeoutError, ConnectionError, http.client.IncompleteRead) as error:
            raise ConnectionLost(f"connection lost: {error}") from error
        if answer.length:
            raise ConnectionLost(f"connection lost, {answer.length} bytes missing")

    def _part_size(self) -> int:
        with suppress(OSError):
            return self._part.stat().st_size
        return 0


def _copy_by_scp(url: str, name: str, cache: Cache, deadline: Deadline) -> Path:
    part = cache.url_path(url, ".part")
    # A URL cannot be mistaken for an option, and scp splits it itself.
    command = ["scp", "-q", "-B", url, str(part)]
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=deadline.within(deadline.seconds),
        )
    except FileNotFoundError:
        raise DeployError(f"{name}: needs the program scp (openssh-client)") from None
    except subprocess.TimeoutExpired:
        deadline.check(f"fetching {name}")
        raise DeployError(f"{name}: scp timed out") from None
    if done.returncode:
        text = done.stderr.decode("utf-8", "backslashreplace").strip()
        raise DeployError(f"{name}: scp failed: {text}")
    return cache.store(part)[0]
