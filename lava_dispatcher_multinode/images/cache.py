"""Downloads that outlive a run: files by their digest, and which URL had which.

files/<sha256>      a whole file
urls/<key>.json     what the URL of this key had: digest, and the server's validators
urls/<key>.part     a download that was cut off, with its validators in <key>.part.json
urls/<key>.lock     held by whoever downloads it: two runs fetch one file once
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

LIMIT = 20 << 30  # bytes of all files; the ones that were not used for longest go


class Cache:
    """The files below `directory`, which is its user's alone; `OSError` if it is another's.

    What came with a password is for nobody else to read, and nobody else's to put there: neither
    a file nor a link that would be written through.
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

    def by_digest(self, sha256: str) -> Path | None:
        """Return the file with this SHA-256, looked at once more; None if there is none."""
        path = self._files / sha256
        try:
            if digest(path) == sha256:
                os.utime(path)
                return path
            path.unlink()  # the disk has changed it
        except OSError:
            pass
        return None

    def about(self, url: str, suffix: str = ".json") -> dict[str, Any]:
        """Return what was remembered of a URL; nothing if nothing was."""
        try:
            found = json.loads(self.place(url, suffix).read_bytes())
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def remember(self, url: str, facts: dict[str, Any], suffix: str = ".json") -> None:
        """Keep `facts` about a URL."""
        path = self.place(url, suffix)
        new = path.with_name(f"{path.name}.{os.getpid()}")
        new.write_text(json.dumps(facts))
        new.replace(path)

    def place(self, url: str, suffix: str) -> Path:
        """Return the file that belongs to a URL; its name tells nothing of it."""
        return self._urls / (hashlib.sha256(url.encode()).hexdigest()[:32] + suffix)

    def keep(self, part: Path) -> tuple[Path, str]:
        """Move a whole download to its place; return that and its SHA-256."""
        sha256 = digest(part)
        target = self._files / sha256
        part.replace(target)
        self._make_room(target)
        return target, sha256

    def _make_room(self, newest: Path) -> None:
        with suppress(OSError):  # another run makes room, too
            found = [(p.stat(), p) for p in self._files.iterdir() if p != newest]
            total = newest.stat().st_size + sum(status.st_size for status, _ in found)
            for status, path in sorted(found, key=lambda item: item[0].st_mtime):
                if total <= LIMIT:
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
