"""Fetching of sources to this host, once per job and not once per board."""

from __future__ import annotations

import base64
import io
import tempfile
import threading
import time
from concurrent.futures import Future
from pathlib import Path
from typing import IO

from ..errors import InfrastructureError
from ..redaction import without_secrets
from . import archive, git
from .definition_source import BadSource, DefinitionSource, Kind

SOURCE_TIMEOUT_S = 600.0
STALL_TIMEOUT_S = 30.0  # without data
MAX_DEFINITION_BYTES = 1 << 20  # of a definition that is fetched as a single file
_BLOCK_BYTES = 1 << 16


class SourceCache:
    """The sources of one job, stored below `directory`; thread-safe."""

    def __init__(self, directory: Path, timeout: float = SOURCE_TIMEOUT_S) -> None:
        self._directory = directory
        self._timeout = timeout
        self._lock = threading.Lock()
        self._found: dict[DefinitionSource, Future[Path]] = {}

    def fetch(self, source: DefinitionSource) -> Path:
        """Return the directory with the source's files; for a `FILE`, the file.

        Raises `BadSource` or `InfrastructureError`, for all callers of a source.
        """
        with self._lock:
            first = source not in self._found
            future = self._found.setdefault(source, Future())
            target = self._directory / f"source-{len(self._found)}"
        if first:
            try:
                future.set_result(self._fetch(source, target))
            except BaseException as error:
                future.set_exception(error)
                raise
        return future.result()

    def _fetch(self, source: DefinitionSource, target: Path) -> Path:
        local = None if source.remote else Path(source.location)
        match source.kind:
            case Kind.GIT:
                git.check_out(source, target, self._timeout)
            case Kind.EMBEDDED:
                archive.unpack(io.BytesIO(_decode(source.location)), target)
            case Kind.ARCHIVE:
                with local.open("rb") if local else tempfile.TemporaryFile() as stream:
                    if local is None:
                        download(source.location, stream, archive.MAX_BYTES, self._timeout)
                        stream.seek(0)
                    archive.unpack(stream, target)
            case Kind.DIRECTORY | Kind.FILE if local is not None:
                return local
            case _:
                target.parent.mkdir(parents=True, exist_ok=True)
                with target.open("wb") as stream:
                    download(source.location, stream, MAX_DEFINITION_BYTES, self._timeout)
        return target


def _decode(text: str) -> bytes:
    """Return the content of base64 text with any white space."""
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except ValueError as error:
        raise BadSource(
            "tar-repo is neither an existing archive nor base64",
            "give a path or URL that ends in .tar, .tar.gz, .tgz, ...",
        ) from error


def download(url: str, target: IO[bytes], limit: int, timeout: float) -> None:
    """Copy the resource at `url` (http or https) to `target`.

    `limit` is in bytes, `timeout` in seconds for the whole transfer. Raises
    `InfrastructureError` for a failed, too large or too slow download.
    """
    import http.client  # takes 20 ms: only for jobs with remote sources
    from urllib.error import HTTPError

    from ..images.download import open_url

    deadline = time.monotonic() + timeout
    name = without_secrets(url)
    size = 0
    try:
        with open_url(url, min(STALL_TIMEOUT_S, timeout)) as response:
            while block := response.read1(_BLOCK_BYTES):
                size += len(block)
                if size > limit:
                    raise InfrastructureError(f"{name} is larger than {limit} bytes")
                if time.monotonic() > deadline:
                    raise InfrastructureError(f"{name} took more than {timeout:g} seconds")
                target.write(block)
    except HTTPError as error:
        with error:  # the error is also the response
            raise InfrastructureError(str(error)) from error
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise InfrastructureError(str(getattr(error, "reason", error))) from error
