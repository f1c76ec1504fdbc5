"""Disk images from wherever they are, unpacked, each once a run."""

from __future__ import annotations

import bz2
import contextlib
import gzip
import hashlib
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
        self._images: dict[tuple[str, str | None], _Entry] = {}

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
            entry = self._images.setdefault((source, sha256), _Entry())
        with entry.lock:
            if entry.error is not None:  # the other board's failure is this one's too
                raise DeployError(str(entry.error))
            if entry.path is None:
                try:
                    entry.path = self._fetch(source, sha256, deadline, step)
                except DeployError as error:
                    entry.error = error
                    raise
            return entry.path

    def _fetch(
        self, source: str, sha256: str | None, deadline: Deadline, step: Callable[[str], None]
    ) -> Path:
        path = local_path(source)
        packed = Path(urllib.parse.urlsplit(source).path).suffix in PACKED
        if path is not None and not packed:
            if not path.is_file():
                raise DeployError(f"no such image file: {path}")
            if sha256 is not None:
                with path.open("rb") as file:
                    _compare(source, hashlib.file_digest(file, "sha256").hexdigest(), sha256)
            return path
        self._directory.mkdir(parents=True, exist_ok=True)
        name = hashlib.sha256(source.encode()).hexdigest()[:16]
        target = self._directory / f"{name}.img"
        fetched = path
        if fetched is None:
            step(f"fetching {source}")
            fetched = self._directory / f"{name}.fetched"
            _download(source, fetched, deadline)
        if sha256 is not None:
            with fetched.open("rb") as file:
                _compare(source, hashlib.file_digest(file, "sha256").hexdigest(), sha256)
        if not packed:
            return fetched
        step(f"unpacking {source}")
        _unpack(fetched, Path(urllib.parse.urlsplit(source).path).suffix, target, source, deadline)
        if path is None:
            fetched.unlink()
        return target


class _Entry:
    """One image: its lock is held while it is made."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.path: Path | None = None
        self.error: DeployError | None = None


def locate(source: str, base: Path) -> str:
    """Return `source` as a URL, or as an absolute path if it is a local file."""
    path = local_path(source)
    if path is None:
        scheme = urllib.parse.urlsplit(source).scheme
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


def _compare(source: str, found: str, wanted: str) -> None:
    if found != wanted.lower():
        raise DeployError(f"{source}: its SHA-256 is {found}, the job's image_sha256 is {wanted}")


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
            _copy(answer, file, target, source, deadline)
    except urllib.error.HTTPError as error:
        error.close()  # it is the connection, too
        raise DeployError(f"{source}: the server answers {error.code} {error.reason}") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
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
            _copy(stream, file, target, source, deadline)
            file.truncate(file.tell())
    except (OSError, EOFError, lzma.LZMAError, zlib.error) as error:
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
    stream: IO[bytes], file: IO[bytes], target: Path, source: str, deadline: Deadline
) -> None:
    """Copy, leaving holes for zeroes: a card image is mostly empty."""
    free = shutil.disk_usage(target.parent).free
    written = 0
    while block := stream.read(BLOCK):
        deadline.check(f"getting {source}")
        if block.count(0) == len(block):
            file.seek(len(block), 1)
            continue
        written += len(block)
        if written > free - SPARE:
            raise DeployError(f"{source}: is too large for the free space of {target.parent}")
        file.write(block)
    file.truncate(file.tell())
