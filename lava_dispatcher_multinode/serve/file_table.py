"""The published files: each is served under a path that cannot be guessed."""

from __future__ import annotations

import io
import secrets
import threading
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

TOKEN_BYTES = 12  # random bytes in a path: short enough for the command line of U-Boot


class FileTable:
    """Files by path, for use from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._files: dict[str, Path | bytes] = {}

    def publish(self, content: Path | bytes, name: str) -> str:
        """Publish `content`; return its path, without a leading slash."""
        path = f"{secrets.token_hex(TOKEN_BYTES)}/{name}"
        with self._lock:
            self._files[path] = content
        return path

    def withdraw(self, path: str) -> None:
        """Stop publishing the file; transfers in progress continue."""
        with self._lock:
            self._files.pop(path, None)

    def open(self, path: str) -> IO[bytes] | None:
        """Open the file published under `path`; None if there is none. The caller closes it."""
        with self._lock:
            content = self._files.get(path.lstrip("/"))
        if content is None:
            return None
        try:
            return io.BytesIO(content) if isinstance(content, bytes) else content.open("rb")
        except OSError:  # removed from the disk
            return None
