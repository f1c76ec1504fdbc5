"""A file from another host, by HTTP or scp: cached, resumed, told about as it comes."""

from __future__ import annotations

import http.client
import shutil
import subprocess
import time
from contextlib import suppress
from typing import IO, TYPE_CHECKING, Any
from urllib.error import HTTPError

from ..errors import DeployError
from ..redaction import without_secrets
from .progress import Meter
from .web import open_url

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from ..deadline import Deadline
    from .cache import Cache
    from .terms import Terms

CONNECT_WAIT = 60.0  # seconds without a byte from the other end
BLOCK = 1 << 16
SPARE = 256 << 20  # bytes of disk that a download must leave free
TRIES = 5
PAUSE = 1.0  # seconds before another try


class Cut(Exception):
    """The connection ended before the file did; `str` is the end of a sentence."""


def fetch(
    url: str, cache: Cache, terms: Terms, deadline: Deadline, step: Callable[[str], None]
) -> Path:
    """Return a file of the cache with what `url` has now; raise `DeployError`.

    No server is asked where the cache has a file with the SHA-256 of `terms`.
    """
    name = without_secrets(url)
    sha256 = terms.sha256
    if sha256 is not None and (path := cache.by_digest(sha256.lower())) is not None:
        step(f"{name}: in the cache")
        return path
    from filelock import FileLock, Timeout

    try:
        lock = FileLock(cache.place(_key(url, terms.headers), ".lock"))
        with lock.acquire(timeout=deadline.within(deadline.seconds)):
            step(f"fetching {name}")
            if url.startswith("scp://"):
                return _scp(url, name, cache, deadline)
            return _Download(url, name, terms.headers, cache, deadline, step).run()
    except Timeout:
        deadline.check(f"waiting for another run that fetches {name}")
        raise DeployError(f"{name}: another run is fetching it") from None
    except OSError as error:
        raise DeployError(f"{name}: cannot be fetched: {error}") from error


def _key(url: str, headers: Mapping[str, str]) -> str:
    """Return what the cache knows a download by: other headers may bring another file."""
    return "\n".join([url, *sorted(f"{name.lower()}: {headers[name]}" for name in headers)])


class _Download:
    """One file by HTTP: asked for again where the connection was cut, from there on."""

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
        self._key = _key(url, headers)
        self._cache = cache
        self._deadline = deadline
        self._step = step
        self._part = cache.place(self._key, ".part")

    def run(self) -> Path:
        for number in range(1, TRIES + 1):
            try:
                return self._ask()
            except Cut as error:
                if number == TRIES:
                    raise DeployError(f"{self._name}: {error}") from error
                self._deadline.check(f"fetching {self._name}: {error}")
                self._step(f"fetching {self._name}: {error}: trying again")
                time.sleep(self._deadline.within(PAUSE))
            except HTTPError as error:
                error.close()  # it is the connection, too
                raise DeployError(
                    f"{self._name}: the server answers {error.code} {error.reason}"
                ) from error
            except (OSError, ValueError, http.client.HTTPException) as error:
                reason = getattr(error, "reason", error) or type(error).__name__
                raise DeployError(f"{self._name}: cannot be fetched: {reason}") from error
        raise AssertionError

    def _ask(self) -> Path:
        known = self._cache.about(self._key)
        cached = self._cache.by_digest(str(known.get("sha256", "")))
        begun = self._cache.about(self._key, ".part.json")
        headers = {"Accept-Encoding": "identity"}
        start = self._had() if begun.get("validator") else 0
        if start:
            headers |= {"Range": f"bytes={start}-", "If-Range": str(begun["validator"])}
        elif cached is not None and known.get("etag"):
            headers["If-None-Match"] = str(known["etag"])
        elif cached is not None and known.get("modified"):
            headers["If-Modified-Since"] = str(known["modified"])
        try:
            answer = open_url(
                self._url, self._deadline.within(CONNECT_WAIT), headers, self._headers
            )
        except HTTPError as error:
            if error.code == 304 and cached is not None:
                error.close()
                self._step(f"{self._name}: as it is in the cache")
                return cached
            if error.code == 416:  # what we have is not the beginning of what there is
                error.close()
                self._part.unlink(missing_ok=True)
                raise Cut("the server cannot go on where it was cut off") from error
            raise
        with answer:
            return self._take(answer, start)

    def _take(self, answer: http.client.HTTPResponse, start: int) -> Path:
        etag, modified = answer.headers["ETag"], answer.headers["Last-Modified"]
        strong = etag if etag and not etag.startswith("W/") else modified
        self._cache.remember(self._key, {"validator": strong}, ".part.json")
        span = answer.headers.get("Content-Range", "")
        goes_on = answer.status == 206 and span.startswith(f"bytes {start}-")
        with self._part.open("ab" if goes_on else "wb") as file:
            total = (start if goes_on else 0) + answer.length if answer.length else None
            self._copy(answer, file, total)
        path, sha256 = self._cache.keep(self._part)
        facts: dict[str, Any] = {"sha256": sha256, "etag": etag, "modified": modified}
        self._cache.remember(self._key, facts)
        return path

    def _copy(self, answer: http.client.HTTPResponse, file: IO[bytes], total: int | None) -> None:
        meter = Meter(f"fetching {self._name}", self._step, self._deadline)
        free = shutil.disk_usage(self._part.parent).free
        done = file.tell()
        most = done + free - SPARE
        try:
            # read1: what has come, so that a server that trickles meets the deadline.
            while block := answer.read1(BLOCK):
                done += len(block)
                if done > most or (total or 0) > most:
                    self._part.unlink()
                    raise DeployError(
                        f"{self._name}: is too large for the free space of {self._part.parent}"
                    )
                file.write(block)
                meter(done, total)
        except (TimeoutError, ConnectionError, http.client.IncompleteRead) as error:
            raise Cut(f"cut off: {error}") from error
        if answer.length:
            raise Cut(f"cut off, {answer.length} bytes are missing")

    def _had(self) -> int:
        with suppress(OSError):
            return self._part.stat().st_size
        return 0


def _scp(url: str, name: str, cache: Cache, deadline: Deadline) -> Path:
    part = cache.place(url, ".part")
    # As a URL it cannot be taken for an option, and scp splits it itself.
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
        raise DeployError(f"{name}: scp has not ended in time") from None
    if done.returncode:
        text = done.stderr.decode("utf-8", "backslashreplace").strip()
        raise DeployError(f"{name}: scp failed: {text}")
    return cache.keep(part)[0]
