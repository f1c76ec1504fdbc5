"""The download cache, which outlives a run: files by digest, and the digests of URLs.

files/<sha256>      a complete file
urls/<key>.json     digest of the URL with this key, and the validators of its server
urls/<key>.part     an incomplete download, with its validators in <key>.part.json
urls/<key>.lock     held during the download, so that two runs download a file once
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

MAX_BYTES = 20 << 30  # of all files; the least recently used are removed


class Cache:
    """The files below `directory`; raise `OSError` if it belongs to another user.

    The directory is private: files that needed a password must not be readable for others,
    and others must not add files or links to it.
    """

    def __init__(self, directory: Path) -> None:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        if directory.stat().st_uid != os.geteuid():
            raise PermissionError(errno.EPERM, "belongs to another user", str(directory))
        directory.chmod(0o700)
        self._files = directory / "files"
        self._urls = directory / "urls"
        for folder in (self._files, self._urls):
            folder.mkdir(parents=True, exist_ok=True)

    def find(self, sha256: str) -> Path | None:
        """Return the file with this SHA-256, verified again; None if there is none."""
        path = self._files / sha256
        try:
            if digest(path) == sha256:
                os.utime(path)
                return path
            path.unlink()  # it was changed on disk
        except OSError:
            pass
        return None

    def load_facts(self, url: str, suffix: str = ".json") -> dict[str, Any]:
        """Return the saved facts about a URL; empty if there are none."""
        try:
            found = json.loads(self.url_path(url, suffix).read_bytes())
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def save_facts(self, url: str, facts: dict[str, Any], suffix: str = ".json") -> None:
        """Save `facts` about a URL."""
        path = self.url_path(url, suffix)
        new = path.with_name(f"{path.name}.{os.getpid()}")
        new.write_text(json.dumps(facts))
        new.replace(path)

    def url_path(self, url: str, suffix: str) -> Path:
        """Return the path of a file about a URL; the name does not reveal the URL."""
        return self._urls / (hashlib.sha256(url.encode()).hexdigest()[:32] + suffix)

    def store(self, part: Path) -> tuple[Path, str]:
        """Move a complete download into the cache; return its path and SHA-256."""
        sha256 = digest(part)
        target = self._files / sha256
        part.replace(target)
        self._remove_oldest(target)
        return target, sha256

    def _remove_oldest(self, newest: Path) -> None:
        with suppress(OSError):  # another run may remove files too
            found = [(p.stat(), p) for p in self._files.iterdir() if p != newest]
            total = newest.stat().st_size + sum(status.st_size for status, _ in found)
            for status, path in sorted(found, key=lambda item: item[0].st_mtime):
                if total <= MAX_BYTES:
                    break
                path.unlink()
                total -= status.st_size


def digest(path: Path, algorithm: str = "sha256") -> str:
    """Return the checksum of a file, in hexadecimal."""
    with path.open("rb") as file:
        made = hashlib.file_digest(
            file,
            lambda: hashlib.new(algorithm, usedforsecurity=False),
        )
        return made.hexdigest()
