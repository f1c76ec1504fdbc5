"""What is served: only what was put here, each file under a path that nobody can guess."""

from __future__ import annotations

import io
import secrets
import threading
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

TOKEN = (
    12  # bytes of chance in a path: beyond guessing, and short enough for U-Boot's command line
)


class Shelf:
    """Files by path; any thread may ask."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._files: dict[str, Path | bytes] = {}

    def put(self, content: Path | bytes, name: str) -> str:
        """Return the path, without a slash before it, under which `content` is served."""
        path = f"{secrets.token_hex(TOKEN)}/{name}"
        with self._lock:
            self._files[path] = content
        return path

    def remove(self, path: str) -> None:
        """Serve it no more; who is fetching it goes on."""
        with self._lock:
            self._files.pop(path, None)

    def open(self, path: str) -> IO[bytes] | None:
        """Return what is served under `path`, to be closed by the caller; None if nothing is."""
        with self._lock:
            content = self._files.get(path.lstrip("/"))
        if content is None:
            return None
        try:
            return io.BytesIO(content) if isinstance(content, bytes) else content.open("rb")
        except OSError:  # gone from the disk
            return None
