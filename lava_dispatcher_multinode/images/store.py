"""Disk images from wherever they are, unpacked, each once a run."""

from __future__ import annotations

import bz2
import contextlib
import gzip
import hashlib
import http.client
import lzma
import shutil
import subprocess
import threading
import urllib.error
import urllib.parse
import urllib.request
import zlib
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

from ..errors import DeployError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ..deadline import Deadline

BLOCK = 1 << 20
CONNECT_WAIT = 60.0  # seconds without a byte from the other end
SPARE = 256 << 20  # bytes of disk that an image being unpacked must leave free
SCHEMES = ("file", "http", "https", "scp")
PACKED = (".gz", ".bz2", ".xz", ".zst")


class ImageStore:
    """Fetches and unpacks images below `directory`; many threads may ask for one image."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._lock = threading.Lock()
        self._images: dict[str, _Entry] = {}

    def get(
        self,
        source: str,
        *,
        base: Path,
        sha256: str | None,
        deadline: Deadline,
        step: Callable[[str], None],
    ) -> Path:
        """Return the unpacked image as a file.

        `source` is a URL or a path relative to `base`; `sha256` is that of the
        file as it is fetched. Raise `DeployError`.
        """
        source = locate(source, base)
        with self._lock:
            entry = self._images.setdefault(source, _Entry())
        with entry.lock:
            if entry.error is not None:  # the other board's failure is this one's too
                raise DeployError(str(entry.error))
            try:
                if entry.fetched is None:
                    entry.fetched = self._fetch(source, deadline, step)
                if sha256 is not None:
                    entry.compare(source, sha256)
                if entry.image is None:
                    entry.image = self._unpack(source, entry.fetched, deadline, step)
            except DeployError as error:
                if entry.image is None:
                    entry.error = error
                raise
            return entry.image

    def _fetch(self, source: str, deadline: Deadline, step: Callable[[str], None]) -> Path:
        path = local_path(source)
        if path is not None:
            if not path.is_file():
                raise DeployError(f"no such image file: {path}")
            return path
        step(f"fetching {source}")
        target = self._target(source, "fetched")
        _download(source, target, deadline)
        return target

    def _unpack(
        self, source: str, fetched: Path, deadline: Deadline, step: Callable[[str], None]
    ) -> Path:
        suffix = _suffix(source)
        if suffix not in PACKED:
            return fetched
        step(f"unpacking {source}")
        target = self._target(source, "img")
        _unpack(fetched, suffix, target, source, deadline)
        return target

    def _target(self, source: str, kind: str) -> Path:
        self._directory.mkdir(parents=True, exist_ok=True)
        return self._directory / f"{hashlib.sha256(source.encode()).hexdigest()[:16]}.{kind}"


class _Entry:
    """One image: its lock is held while it is made."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.fetched: Path | None = None
        self.image: Path | None = None
        self.error: DeployError | None = None
        self._sha256 = ""

    def compare(self, source: str, wanted: str) -> None:
        """Raise `DeployError` unless what was fetched has the SHA-256 that is wanted."""
        assert self.fetched is not None
        if not self._sha256:
            with self.fetched.open("rb") as file:
                self._sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        if self._sha256 != wanted.lower():
            raise DeployError(
                f"{source}: its SHA-256 is {self._sha256}, the job's image_sha256 is {wanted}"
            )


def locate(source: str, base: Path) -> str:
    """Return `source` as a URL, or as an absolute path if it is a local file."""
    try:
        path = local_path(source)
        scheme = urllib.parse.urlsplit(source).scheme
        if "\0" in source or (path is not None and "\0" in str(path)):
            raise ValueError("a NUL byte")
    except ValueError as error:
        raise DeployError(f"{source!r} is no URL: {error}") from None
    if path is None:
        if scheme not in SCHEMES:
            raise DeployError(
                f"'{source}': cannot fetch {scheme}://: use {', '.join(SCHEMES)} or a path"
            )
        return source
    return str(path if path.is_absolute() else (base / path).absolute())


def local_path(source: str) -> Path | None:
    """Return the path that `source` names on this host; None if it is elsewhere."""
    url = urllib.parse.urlsplit(source)
    if url.scheme == "file":
        return Path(urllib.parse.unquote(url.path))
    return None if "://" in source else Path(source)


def _suffix(source: str) -> str:
    """Return how the file's name ends; only a URL has a query behind it."""
    path = source if local_path(source) is not None else urllib.parse.urlsplit(source).path
    return Path(path).suffix.lower()


def _download(source: str, target: Path, deadline: Deadline) -> None:
    if source.startswith("scp://"):
        _scp(source, target, deadline)
        return
    try:
        with (
            # `locate` let http and https through, and nothing else.
            urllib.request.urlopen(  # noqa: S310
                source, timeout=deadline.within(CONNECT_WAIT)
            ) as answer,
            target.open("wb") as file,
        ):
            # read1: what has come, so that a server that trickles meets the deadline.
            _copy(answer.read1, file, target, source, deadline)
            if answer.length:
                raise DeployError(f"{source}: cut off, {answer.length} bytes are missing")
    except urllib.error.HTTPError as error:
        error.close()  # it is the connection, too
        raise DeployError(f"{source}: the server answers {error.code} {error.reason}") from error
    except (OSError, ValueError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", error) or type(error).__name__
        raise DeployError(f"{source}: cannot be fetched: {reason}") from error


def _scp(source: str, target: Path, deadline: Deadline) -> None:
    # As a URL it cannot be taken for an option, and scp splits it itself.
    command = ["scp", "-q", "-B", source, str(target)]
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=deadline.within(deadline.seconds),
        )
    except FileNotFoundError:
        raise DeployError(f"{source}: needs the program scp (openssh-client)") from None
    except subprocess.TimeoutExpired:
        deadline.check(f"fetching {source}")
        raise
    if done.returncode:
        text = done.stderr.decode("utf-8", "backslashreplace").strip()
        raise DeployError(f"{source}: scp failed: {text}")


def _unpack(packed: Path, suffix: str, target: Path, source: str, deadline: Deadline) -> None:
    try:
        with _opened(packed, suffix) as stream, target.open("wb") as file:
            _copy(stream.read, file, target, source, deadline)
    except (OSError, EOFError, ValueError, MemoryError, lzma.LZMAError, zlib.error) as error:
        raise DeployError(f"{source}: cannot be unpacked: {error}") from error


@contextlib.contextmanager
def _opened(packed: Path, suffix: str) -> Iterator[IO[bytes]]:
    if suffix != ".zst":
        openers = {".gz": gzip.GzipFile, ".bz2": bz2.BZ2File, ".xz": lzma.LZMAFile}
        with cast("IO[bytes]", openers[suffix](packed)) as stream:
            yield stream
        return
    # Python learns Zstandard with 3.14 only.
    try:
        process = subprocess.Popen(
            ["zstd", "-dcq", "--", str(packed)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
    except FileNotFoundError:
        raise DeployError(f"{packed.name}: needs the program zstd") from None
    with process:
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            yield process.stdout
            text = process.stderr.read().decode("utf-8", "backslashreplace").strip()
            if process.wait():
                raise DeployError(f"{packed.name}: zstd: {text}")
        finally:
            process.kill()


def _copy(
    read: Callable[[int], bytes],
    file: IO[bytes],
    target: Path,
    source: str,
    deadline: Deadline,
) -> None:
    """Copy, leaving holes for zeroes: a card image is mostly empty."""
    free = shutil.disk_usage(target.parent).free
    written = 0
    while block := read(BLOCK):
        deadline.check(f"getting {source}")
        if block.count(0) == len(block):
            file.seek(len(block), 1)
            continue
        written += len(block)
        if written > free - SPARE:
            raise DeployError(f"{source}: is too large for the free space of {target.parent}")
        file.write(block)
    file.truncate(file.tell())
