"""The images that a run deploys; each is fetched once per run."""

from __future__ import annotations

import os
import shutil
import threading
import urllib.parse
from contextlib import contextmanager
from functools import cached_property, partial
from pathlib import Path
from typing import IO, TYPE_CHECKING

from ..errors import DeployError, ImageError
from ..redaction import without_secrets
from .bmap import MAX_BYTES as MAX_BMAP_BYTES
from .bmap import SUFFIX as BMAP_SUFFIX
from .bmap import is_bmap
from .bmap import parse as parse_bmap
from .cache import Cache, digest
from .compression import detect_suffix, open_decompressed
from .download import MIN_FREE_BYTES, download, download_if_there
from .progress import ProgressReporter
from .terms import ALGORITHM_NAMES, CHECKSUM_KEYS, NO_TERMS, Terms

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ..deadline import Deadline
    from .bmap import Bmap

    #: Fetches the block map whose name replaces an ending of the image's by `.bmap`.
    FetchBeside = Callable[[str, Deadline, Callable[[str], None]], Path | None]

READ_BYTES = 1 << 20
_NO_FILE = "not a file; boards in QEMU also take a directory as root file system"
SCHEMES = ("file", "http", "https", "scp")


class Image:
    """One image file on the disk of this host; any thread may read it."""

    def __init__(
        self,
        source: str,
        path: Path,
        target: Path,
        fetch_beside: FetchBeside = lambda _suffix, _deadline, _step: None,
    ) -> None:
        self._fetch_beside = fetch_beside
        self.name = without_secrets(source)
        self.path = path  # as fetched, possibly compressed
        self._file_name = _file_name(source)
        self._target = target
        self._lock = threading.RLock()  # `make` of `cached` may unpack the image
        self._digests: dict[str, str] = {}  # by algorithm

    @cached_property
    def compression(self) -> str:
        """The compression: one of `compression.SUFFIXES`, or ""."""
        if self.path.is_dir():
            return ""
        return detect_suffix(self._file_name, self.path)

    @contextmanager
    def open(self) -> Iterator[IO[bytes]]:
        """Give a context with the decompressed content as a stream."""
        if not self.path.is_file():
            raise ImageError(f"{self.name}: {_NO_FILE}")
        with open_decompressed(self.path, self.compression, self.name) as stream:
            yield stream

    def bmap(self, deadline: Deadline, step: Callable[[str], None]) -> Bmap | None:
        """Return the block map beside the image, of the image itself or unpacked.

        None if there is none. Raise `DeployError` for one that cannot be used.
        """
        endings = ("", self._file_name[len(self._file_name.removesuffix(self.compression)) :])
        for ending in dict.fromkeys(endings):
            path = self._fetch_beside(ending, deadline, step)
            if path is not None:
                with path.open("rb") as file:
                    content = file.read(MAX_BMAP_BYTES + 1)
                name = self.name.removesuffix(ending) + BMAP_SUFFIX
                return parse_bmap(content, name)
        return None

    def unpacked(self, deadline: Deadline, step: Callable[[str], None]) -> Path:
        """Return a decompressed file for random access, made once, with holes for zeros."""
        if not self.compression:
            return self.path

        def unpack(path: Path) -> None:
            step(f"unpacking {self.name}")
            self._unpack(path, ProgressReporter(f"unpacking {self.name}", step, deadline))

        return self.cached("img", unpack)

    def cached(self, name: str, make: Callable[[Path], None]) -> Path:
        """Return a file derived from this one; `make` writes it once, for all boards."""
        with self._lock:
            path = self._target.with_suffix(f".{name}")
            if not path.exists():
                half = self._target.with_suffix(f".{name}.part")
                make(half)
                half.rename(path)
            return path

    def check(self, terms: Terms) -> None:
        """Raise `ImageError` unless the file as fetched meets `terms`."""
        if self.path.is_dir() and terms.sums:
            raise ImageError(f"{self.name}: a directory has no {next(iter(terms.sums))}")
        for key, wanted in terms.sums.items():
            algorithm = CHECKSUM_KEYS[key]
            with self._lock:
                if algorithm not in self._digests:
                    self._digests[algorithm] = digest(self.path, algorithm)
                found = self._digests[algorithm]
            if found != wanted.lower():
                raise ImageError(
                    f"{self.name}: {ALGORITHM_NAMES[algorithm]} is {found}, "
                    f"but {key} in the job is {wanted}"
                )
        if terms.compression is not None and self.compression != terms.compression:
            found = self.compression or "none"
            raise ImageError(
                f"{self.name}: compression is {found}, but {terms.compression} in the job"
            )

    def _unpack(self, path: Path, progress: ProgressReporter) -> None:
        """Copy with holes for zeros: a card image is mostly empty."""
        free = shutil.disk_usage(path.parent).free - MIN_FREE_BYTES
        written = done = 0
        with self.open() as stream, path.open("wb") as file:
            while block := stream.read(READ_BYTES):
                done += len(block)
                progress.report(done, None)
                if block.count(0) == len(block):
                    file.seek(len(block), os.SEEK_CUR)
                    continue
                written += len(block)
                if written > free:
                    raise ImageError(f"{self.name}: too large for the free space of {path.parent}")
                file.write(block)
            file.truncate(file.tell())


class ImageStore:
    """Fetches images. `directory` belongs to the run; `cache` outlives it (None: no cache)."""

    def __init__(self, directory: Path, cache: Path | None = None) -> None:
        self._directory = directory
        self._cache_directory = cache
        self._cache: Cache | None = None
        self._lock = threading.Lock()
        self._images: dict[tuple[str, frozenset[tuple[str, str]]], _StoredImage] = {}

    def get(
        self,
        source: str,
        *,
        base: Path,
        deadline: Deadline,
        step: Callable[[str], None],
        terms: Terms = NO_TERMS,
    ) -> Image:
        """Return the image at `source`, a URL or a path relative to `base`.

        Raise `DeployError` if it cannot be fetched or does not meet `terms`.
        """
        source = locate(source, base)
        key = (source, frozenset(terms.headers.items()))
        with self._lock:
            entry = self._images.setdefault(key, _StoredImage(len(self._images)))
        with entry.lock:
            if entry.error is not None:  # failed for another board
                raise DeployError(str(entry.error))
            if entry.image is None:
                try:
                    path = self._fetch(source, entry.number, terms, deadline, step)
                except DeployError as error:
                    entry.error = error
                    raise
                fetch_beside = partial(self._fetch_beside, source, terms)
                target = self._directory / f"{entry.number}.img"
                entry.image = Image(source, path, target, fetch_beside)
        entry.image.check(terms)
        return entry.image

    def _fetch(
        self,
        source: str,
        number: int,
        terms: Terms,
        deadline: Deadline,
        step: Callable[[str], None],
    ) -> Path:
        self._directory.mkdir(parents=True, exist_ok=True)
        path = local_path(source)
        if path is not None:
            if not path.exists():
                raise DeployError(f"no such image file: {path}")
            return path
        cached = download(source, self._opened_cache(), terms, deadline, step)
        # A link of this run: another run may remove the file from the cache.
        own = self._directory / f"{number}.fetched"
        try:
            os.link(cached, own)
        except OSError:  # the cache is on another disk
            return cached
        return own

    def _fetch_beside(
        self,
        source: str,
        terms: Terms,
        ending: str,
        deadline: Deadline,
        step: Callable[[str], None],
    ) -> Path | None:
        """Return the block map beside `source`; None if there is none, and for scp."""
        path = local_path(source)
        if path is not None:
            beside = Path(str(path).removesuffix(ending) + BMAP_SUFFIX)
            return beside if beside.is_file() else None
        url = urllib.parse.urlsplit(source)
        if url.scheme == "scp":
            return None
        beside_url = url._replace(path=url.path.removesuffix(ending) + BMAP_SUFFIX).geturl()
        own = Terms(headers=terms.headers)
        found = download_if_there(beside_url, self._opened_cache(), own, deadline, step)
        if found is not None and not is_bmap(found):  # a server's page for what it does not have
            step(f"warning: {without_secrets(beside_url)} is not a block map: not used")
            return None
        return found

    def _opened_cache(self) -> Cache:
        with self._lock:
            if self._cache is None:
                try:
                    self._cache = Cache(self._cache_directory or self._directory / "cache")
                except OSError:  # the home is read-only: use the directory of the run
                    self._cache = Cache(self._directory / "cache")
            return self._cache


class _StoredImage:
    """An image of the store. `lock` is held during the download; `number` names its files."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.lock = threading.Lock()
        self.image: Image | None = None
        self.error: DeployError | None = None


def default_cache() -> Path:
    """Return the download cache of this user."""
    from platformdirs import user_cache_path

    return user_cache_path("lava-dispatcher") / "downloads"


def locate(source: str, base: Path) -> str:
    """Return `source` as a URL, or as an absolute path if it is a local file."""
    try:
        path = local_path(source)
        scheme = urllib.parse.urlsplit(source).scheme
        if path is not None and urllib.parse.urlsplit(source).netloc not in {"", "localhost"}:
            raise DeployError(f"'{source}' names a host: write file:///PATH or PATH")
        if "\0" in source or (path is not None and "\0" in str(path)):
            raise ValueError("a NUL byte")
    except ValueError as error:
        raise DeployError(f"{source!r} is not a valid URL: {error}") from None
    if path is None:
        if scheme not in SCHEMES:
            raise DeployError(
                f"'{source}': cannot fetch {scheme}://: use {', '.join(SCHEMES)} or a path"
            )
        return source
    return str(path if path.is_absolute() else (base / path).absolute())


def local_path(source: str) -> Path | None:
    """Return the path that `source` names on this host; None for a remote file."""
    url = urllib.parse.urlsplit(source)
    if url.scheme == "file":
        return Path(urllib.parse.unquote(url.path))
    return None if "://" in source else Path(source)


def _file_name(source: str) -> str:
    """Return the file name; in a URL, without the query."""
    path = source if local_path(source) is not None else urllib.parse.urlsplit(source).path
    return Path(path).name
