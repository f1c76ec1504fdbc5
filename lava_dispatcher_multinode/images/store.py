"""The files that a run deploys, from wherever they are, each fetched once a run."""

from __future__ import annotations

import os
import shutil
import threading
import urllib.parse
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import IO, TYPE_CHECKING

from ..errors import DeployError, ImageError
from ..redaction import without_secrets
from .cache import Cache, digest
from .compression import opened, suffix_of
from .download import SPARE, fetch
from .progress import Meter
from .terms import FREE, NAMES, SUMS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ..deadline import Deadline
    from .terms import Terms

BLOCK = 1 << 20
SCHEMES = ("file", "http", "https", "scp")


class Image:
    """One file, on this host's disk; any thread may read it, any number of times."""

    def __init__(self, source: str, path: Path, target: Path) -> None:
        self.name = without_secrets(source)
        self.path = path  # as it was fetched, maybe compressed
        self._file_name = _file_name(source)
        self._target = target
        self._lock = threading.RLock()  # what is derived may be so of the unpacked one
        self._unpacked: Path | None = None
        self._digests: dict[str, str] = {}  # by algorithm

    @cached_property
    def packed(self) -> str:
        """How it is compressed: one of `packed.SUFFIXES`, or ""."""
        return suffix_of(self._file_name, self.path)

    @contextmanager
    def opened(self) -> Iterator[IO[bytes]]:
        """Give a context with its content as a stream; of a compressed one, what is in it."""
        with opened(self.path, self.packed, self.name) as stream:
            yield stream

    def unpacked(self, deadline: Deadline, step: Callable[[str], None]) -> Path:
        """Return the file for those that must jump about in it; made once, with holes."""
        if not self.packed:
            return self.path
        with self._lock:
            if self._unpacked is None:
                step(f"unpacking {self.name}")
                self._unpack(Meter(f"unpacking {self.name}", step, deadline))
                self._unpacked = self._target
            return self._unpacked

    def derived(self, name: str, make: Callable[[Path], None]) -> Path:
        """Return a file made of this one by `make`, once, however many boards want it."""
        with self._lock:
            path = self._target.with_suffix(f".{name}")
            if not path.exists():
                half = self._target.with_suffix(f".{name}.part")
                make(half)
                half.rename(path)
            return path

    def check(self, terms: Terms) -> None:
        """Raise `ImageError` unless the file as it was fetched meets `terms`."""
        for key, wanted in terms.sums.items():
            algorithm = SUMS[key]
            with self._lock:
                if algorithm not in self._digests:
                    self._digests[algorithm] = digest(self.path, algorithm)
                found = self._digests[algorithm]
            if found != wanted.lower():
                raise ImageError(
                    f"{self.name}: its {NAMES[algorithm]} is {found}, the job's {key} is {wanted}"
                )
        if terms.packed is not None and self.packed != terms.packed:
            is_so = f"is {self.packed}" if self.packed else "is not packed"
            raise ImageError(f"{self.name}: the job's compression is {terms.packed}, it {is_so}")

    def _unpack(self, meter: Meter) -> None:
        """Copy, leaving holes for zeroes: a card image is mostly empty."""
        room = shutil.disk_usage(self._target.parent).free - SPARE
        written = done = 0
        with self.opened() as stream, self._target.open("wb") as file:
            while block := stream.read(BLOCK):
                done += len(block)
                meter(done, None)
                if block.count(0) == len(block):
                    file.seek(len(block), os.SEEK_CUR)
                    continue
                written += len(block)
                if written > room:
                    raise ImageError(
                        f"{self.name}: is too large for the free space of {self._target.parent}"
                    )
                file.write(block)
            file.truncate(file.tell())


class ImageStore:
    """Fetches images; `directory` is the run's, `cache` (None: none) outlives it."""

    def __init__(self, directory: Path, cache: Path | None = None) -> None:
        self._directory = directory
        self._cache_directory = cache
        self._cache: Cache | None = None
        self._lock = threading.Lock()
        self._images: dict[tuple[str, frozenset[tuple[str, str]]], _Entry] = {}

    def get(
        self,
        source: str,
        *,
        base: Path,
        deadline: Deadline,
        step: Callable[[str], None],
        terms: Terms = FREE,
    ) -> Image:
        """Return what `source`, a URL or a path relative to `base`, has.

        Raise `DeployError`: it cannot be fetched, or does not meet `terms`.
        """
        source = locate(source, base)
        key = (source, frozenset(terms.headers.items()))
        with self._lock:
            entry = self._images.setdefault(key, _Entry(len(self._images)))
        with entry.lock:
            if entry.error is not None:  # the other board's failure is this one's too
                raise DeployError(str(entry.error))
            if entry.image is None:
                try:
                    path = self._fetch(source, entry.number, terms, deadline, step)
                except DeployError as error:
                    entry.error = error
                    raise
                entry.image = Image(source, path, self._directory / f"{entry.number}.img")
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
            if not path.is_file():
                raise DeployError(f"no such image file: {path}")
            return path
        cached = fetch(source, self._opened_cache(), terms, deadline, step)
        # A name of this run's own: another run may make room in the cache.
        own = self._directory / f"{number}.fetched"
        try:
            os.link(cached, own)
        except OSError:  # the cache is on another disk
            return cached
        return own

    def _opened_cache(self) -> Cache:
        with self._lock:
            if self._cache is None:
                try:
                    self._cache = Cache(self._cache_directory or self._directory / "cache")
                except OSError:  # a home that cannot be written: the run's own will do
                    self._cache = Cache(self._directory / "cache")
            return self._cache


class _Entry:
    """One image: its lock is held while it is fetched, its files have its number."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.lock = threading.Lock()
        self.image: Image | None = None
        self.error: DeployError | None = None


def default_cache() -> Path:
    """Return where downloads are kept for this user."""
    from platformdirs import user_cache_path

    return user_cache_path("lava-dispatcher") / "downloads"


def locate(source: str, base: Path) -> str:
    """Return `source` as a URL, or as an absolute path if it is a local file."""
    try:
        path = local_path(source)
        scheme = urllib.parse.urlsplit(source).scheme
        if path is not None and urllib.parse.urlsplit(source).netloc not in {"", "localhost"}:
            raise DeployError(f"'{source}' names a host: write file:///path, or a path alone")
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


def _file_name(source: str) -> str:
    """Return the file's name; only a URL has a query behind it."""
    path = source if local_path(source) is not None else urllib.parse.urlsplit(source).path
    return Path(path).name
