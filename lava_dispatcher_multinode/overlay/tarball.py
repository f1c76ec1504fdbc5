"""The archive for the root of a board; equal content gives equal bytes."""

from __future__ import annotations

import gzip
import io
import logging
import os
import tarfile
import uuid
from functools import cache
from importlib import resources
from pathlib import Path
from typing import IO, TYPE_CHECKING, NamedTuple

from ..errors import InvalidJob
from .layout import MAX_DEPTH, board_directory, run_name
from .step_scripts import install_script, run_script

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from importlib.resources.abc import Traversable

    from .load import Definition

MAX_BYTES = 256 << 20  # total of all files
MAX_FILES = 50_000
#: The package of the on-board scripts.
PACKAGE = "lava_dispatcher_multinode.overlays"
#: Files of at least this size (programs, data) that several definitions share are hard links.
#: Smaller files, which a test may overwrite, are copied for each definition.
MIN_SHARED_BYTES = 64 << 10

_log = logging.getLogger(__name__)


class OverlayScript(NamedTuple):
    """A file for the board."""

    path: str  # relative to the job's directory: bin/lava-self
    content: bytes
    mode: int


@cache
def load_scripts() -> tuple[OverlayScript, ...]:
    """Return the on-board scripts, sorted by path; bin/ is executable, lib/ is sourced."""
    directory = _scripts_directory()
    return tuple(
        OverlayScript(f"{folder}/{item.name}", item.read_bytes(), mode)
        for folder, mode in (("bin", 0o755), ("lib", 0o644))
        for item in sorted(directory.joinpath(folder).iterdir(), key=lambda item: item.name)
        if item.is_file() and not item.name.startswith((".", "_")) and not item.name.endswith("~")
    )


def _scripts_directory() -> Traversable:
    """Return the directory of bin/ and lib/.

    If Python runs at the root of a checkout, it imports the package from there, not an
    installed one; the scripts are then at the checkout's top level.
    """
    try:
        return resources.files(PACKAGE)
    except ModuleNotFoundError:
        return Path(__file__).parents[2] / "overlays"


def write_tarball(
    job_id: str, stages: Mapping[int, Sequence[Definition]], stream: IO[bytes]
) -> None:
    """Write a gzip tar of the scripts and of the definitions of each stage.

    The content does not depend on role, node, time or user. Raises `InvalidJob` if
    the definitions' files exceed a limit.
    """
    root = board_directory(job_id).lstrip("/")
    # Best compression: the file is built once and sent over serial consoles.
    with (
        gzip.GzipFile("", "wb", 9, stream, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w|", format=tarfile.PAX_FORMAT) as tar,
    ):
        overlay = _Overlay(tar)
        for script in load_scripts():
            overlay.add(f"{root}/{script.path}", script.content, script.mode)
        for stage, definitions in sorted(stages.items()):
            _add_stage(overlay, f"{root}/{stage}", definitions)


def _add_stage(overlay: _Overlay, stage: str, definitions: Sequence[Definition]) -> None:
    runs = [run_name(i, definition.test.name) for i, definition in enumerate(definitions)]
    listed = "".join(f"tests/{run}\n" for run in runs)
    overlay.add(f"{stage}/lava-test-runner.conf", listed.encode())
    for run, definition in zip(runs, definitions, strict=True):
        _add_definition(overlay, f"{stage}/tests/{run}", run, definition)


def _add_definition(overlay: _Overlay, place: str, run: str, definition: Definition) -> None:
    """Add the definition's own files last, so they do not replace the runner's files."""
    install = install_script(definition)
    if install is not None:
        overlay.add(f"{place}/install.sh", install.encode(), 0o755)
    overlay.add(f"{place}/run.sh", run_script(definition, run).encode(), 0o755)
    overlay.add(f"{place}/testdef.yaml", definition.text)
    identity = uuid.uuid5(uuid.NAMESPACE_OID, f"{place} {definition.key}")
    overlay.add(f"{place}/uuid", f"{identity}\n".encode())
    if definition.files is not None:
        overlay.add_tree(place, definition.files, definition.origin)
    for name, files in definition.repositories:
        overlay.add_tree(f"{place}/{name}", files, definition.origin)


class _Overlay:
    """Writes a tar: each name once, directories before their content."""

    def __init__(self, tar: tarfile.TarFile) -> None:
        self._tar = tar
        self._names: set[str] = set()
        self._shared: dict[tuple[int, int], str] = {}  # device and inode -> first name
        self._bytes = 0

    def add(self, name: str, content: bytes, mode: int = 0o644) -> None:
        """Add a file, unless the name exists."""
        info = self._member(name, tarfile.REGTYPE, mode)
        if info is not None:
            info.size = len(content)
            self._tar.addfile(info, io.BytesIO(content))

    def add_tree(self, place: str, root: Path, origin: str) -> None:
        """Add the files below `root`, without links that lead out of it."""
        for path, name in _walk(root):
            try:
                if path.is_symlink():
                    self._add_link(place, root, name, origin)
                elif path.is_dir():
                    self._directory(f"{place}/{name}")
                elif path.is_file():  # no sockets, devices, FIFOs
                    self._add_file(f"{place}/{name}", path)
            except OSError as error:
                message = f"cannot read {path}: {error.strerror or error}"
                raise InvalidJob.about(origin, message) from error
            if name.count("/") >= MAX_DEPTH:
                text = f"more than {MAX_DEPTH} nested directories: {name[:200]}"
                raise InvalidJob.about(origin, text)
            if self._bytes > MAX_BYTES or len(self._names) > MAX_FILES:
                limit = f"{MAX_FILES} files or {MAX_BYTES >> 20} MiB"
                own = not (root / ".git").exists()
                hint = "use a smaller directory, or make it a git repository" if own else ""
                raise InvalidJob.about(origin, f"the definition has more than {limit}", hint)

    def _add_file(self, name: str, path: Path) -> None:
        with path.open("rb") as stream:
            status = os.fstat(stream.fileno())
            info = self._member(name, tarfile.REGTYPE, 0o755 if status.st_mode & 0o100 else 0o644)
            if info is None:
                if path.name != "testdef.yaml":  # usually the same file
                    _log.warning("%s is left out: the overlay has its own %s", path, path.name)
                return
            if status.st_size >= MIN_SHARED_BYTES:
                first = self._shared.setdefault((status.st_dev, status.st_ino), name)
                if first != name:
                    info.type, info.linkname = tarfile.LNKTYPE, first
                    self._tar.addfile(info)
                    return
            info.size = status.st_size
            self._bytes += info.size
            if self._bytes <= MAX_BYTES:
                self._tar.addfile(info, stream)

    def _add_link(self, place: str, root: Path, name: str, origin: str) -> None:
        target = (root / name).readlink()
        end = os.path.normpath(Path(name).parent / target)
        if target.is_absolute() or end.startswith(".."):
            _log.warning("%s: the link %s leads outside and is left out", origin, name)
            return
        info = self._member(f"{place}/{name}", tarfile.SYMTYPE, 0o777)
        if info is not None:
            info.linkname = str(target)
            self._tar.addfile(info)

    def _directory(self, name: str) -> None:
        if name and name not in self._names:
            info = self._member(name, tarfile.DIRTYPE, 0o755)
            assert info is not None
            self._tar.addfile(info)

    def _member(self, name: str, kind: bytes, mode: int) -> tarfile.TarInfo | None:
        """Return a new member, owned by root; None if the name exists."""
        if name in self._names:
            return None
        self._directory(name.rpartition("/")[0])
        self._names.add(name)
        info = tarfile.TarInfo(name)
        info.type, info.mode = kind, mode
        info.uname = info.gname = "root"
        return info


def _walk(root: Path) -> Iterator[tuple[Path, str]]:
    """Yield all paths below `root` in a fixed order, without git's own files."""
    for directory, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if name != ".git")
        here = root.joinpath(os.path.relpath(directory, root))
        for name in sorted([*folders, *(file for file in files if file != ".git")]):
            path = here / name
            yield path, os.path.relpath(path, root)
