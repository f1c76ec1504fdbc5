"""Adding files to an ext2/3/4 file system in an image or on a card, without root or mount.

The work is done by debugfs, which always exits with 0: errors only show on its stderr.
"""

from __future__ import annotations

import os
import stat
import struct
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import DeployError
from . import ext

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ..deadline import Deadline

MAX_NAME_BYTES = 2000  # a debugfs command has up to two names
DEBUGFS_TIMEOUT_S = 300.0
_INCOMPAT_RECOVER = 0x4
_STATE_ERRORS = 0x2


class InjectionFailed(Exception):
    """The files cannot be added; the argument is the reason. The file system is intact."""


def inject_files(
    disk: Path, offset: int, archive: Path, files: Mapping[str, bytes], deadline: Deadline
) -> None:
    """Add the members of a tar, then `files` by path, to the file system at byte `offset`.

    The members keep owner and mode; `files` belong to root, mode 644. Existing files
    are replaced. Raise `InjectionFailed`, or what `deadline` raises.
    """
    _check_file_system(disk, offset)
    where = f"{disk}?offset={offset}"
    # Beside the archive, where the cleanup of the run finds it.
    scratch = tempfile.TemporaryDirectory(prefix="inject-", dir=archive.parent)
    with scratch as folder, tarfile.open(archive) as tar:
        members = list(_read_members(tar, files))
        known = _query_types(where, {path for path, _, _ in members}, deadline)
        script = _DebugfsScript(Path(folder), known)
        try:
            for path, member, content in members:
                script.add(path, member, content)
        except OSError as error:
            raise InjectionFailed(f"cannot write scratch files on this host: {error}") from error
        _, errors = _run_debugfs(where, script.lines, deadline, write=True)
        if errors:
            raise InjectionFailed(f"debugfs failed: {errors[0]}")
        _verify(where, script.written, Path(folder), deadline)


def list_existing(disk: Path, offset: int, paths: Sequence[str], deadline: Deadline) -> list[str]:
    """Return those of `paths` that are files of the ext file system at byte `offset`."""
    found = _query_types(f"{disk}?offset={offset}", set(paths), deadline)
    return [path for path in paths if found.get(path) == "regular"]


def dump_file(disk: Path, offset: int, path: str, target: Path, deadline: Deadline) -> None:
    """Copy a file of the ext file system at byte `offset`; raise `DeployError`."""
    command = f"dump {_quote(path)} {_quote(str(target))}"
    _, errors = _run_debugfs(f"{disk}?offset={offset}", [command], deadline)
    if errors:
        raise DeployError(f"debugfs failed: {errors[0]}")


def holds_root(disk: Path, offset: int, deadline: Deadline) -> bool:
    """Return True if the ext file system at byte `offset` has the directories of a root."""
    try:
        found = _query_types(f"{disk}?offset={offset}", {"/etc", "/bin", "/usr"}, deadline)
    except InjectionFailed:
        return False
    return "/etc" in found and len(found) > 1


def _check_file_system(disk: Path, offset: int) -> None:
    try:
        with disk.open("rb") as file:
            ext.label(file, offset)  # `DeployError` if it is not ext
            file.seek(offset + 1024)
            superblock = file.read(1024)
    except (OSError, DeployError) as error:
        raise InjectionFailed(str(error)) from error
    # Replaying the journal at the next mount would silently undo the changes.
    if struct.unpack_from("<I", superblock, 0x60)[0] & _INCOMPAT_RECOVER:
        raise InjectionFailed(
            "the journal needs recovery: run e2fsck -fy on the unmounted file system"
        )
    if struct.unpack_from("<H", superblock, 0x3A)[0] & _STATE_ERRORS:
        raise InjectionFailed("the file system has errors: run e2fsck -fy")


def _read_members(
    tar: tarfile.TarFile, files: Mapping[str, bytes]
) -> Iterator[tuple[str, tarfile.TarInfo, bytes]]:
    for member in tar:
        content = tar.extractfile(member) if member.isreg() else None
        yield (
            "/" + member.name.strip("/"),
            member,
            content.read() if content is not None else b"",
        )
    for path, data in files.items():
        member = tarfile.TarInfo(path)
        member.mode = 0o644
        yield path, member, data


class _DebugfsScript:
    """The debugfs commands that add members; `known` has the types of existing files."""

    def __init__(self, folder: Path, known: Mapping[str, str]) -> None:
        self.lines: list[str] = []
        self.written: list[tuple[str, Path]] = []  # path, file with its content
        self._folder = folder
        self._known = dict(known)
        self._sources: dict[str, Path] = {}

    def add(self, path: str, member: tarfile.TarInfo, content: bytes) -> None:
        if member.isdir():
            self._make_directory(path)
            self._set_attributes(path, member, stat.S_IFDIR)
            return
        self._make_directory(path.rpartition("/")[0])
        known = self._known.get(path)
        if known == "directory":
            raise InjectionFailed(f"{path} is a directory in the image")
        if known is not None:
            self.lines.append(f"rm {_quote(path)}")
        if member.issym():
            self.lines.append(f"symlink {_quote(path)} {_quote(member.linkname)}")
            self._known[path] = "symlink"
        elif member.isreg() or member.islnk():  # a hard link becomes a separate file
            if not member.islnk():
                self._sources[path] = self._folder / str(len(self._sources))
                self._sources[path].write_bytes(content)
            source = self._sources[f"/{member.linkname}" if member.islnk() else path]
            self.lines.append(f"write {source} {_quote(path)}")
            self._set_attributes(path, member, stat.S_IFREG)
            self.written.append((path, source))
            self._known[path] = "regular"
        else:
            raise InjectionFailed(f"{path} is neither file, directory nor symbolic link")

    def _make_directory(self, path: str) -> None:
        if path in {"", "/"}:
            return
        known = self._known.get(path)
        if known is None:
            self._make_directory(path.rpartition("/")[0])
            self.lines.append(f"mkdir {_quote(path)}")
            self._known[path] = "directory"
        elif known != "directory":
            raise InjectionFailed(f"{path} is not a directory in the image")

    def _set_attributes(self, path: str, member: tarfile.TarInfo, kind: int) -> None:
        fields = {
            "mode": f"0{kind | member.mode & 0o7777:o}",
            "uid": member.uid,
            "gid": member.gid,
            "mtime": f"@{int(member.mtime)}",
        }
        for name, value in fields.items():
            self.lines.append(f"set_inode_field {_quote(path)} {name} {value}")


def _query_types(where: str, paths: set[str], deadline: Deadline) -> dict[str, str]:
    """Return the types of those of `paths` and their parents that exist."""
    prefixes = {path[:end] for path in paths for end in _part_ends(path)}
    lines, _ = _run_debugfs(where, [f"stat {_quote(path)}" for path in sorted(prefixes)], deadline)
    found: dict[str, str] = {}
    path = ""
    for line in lines:
        if line.startswith("debugfs: stat "):
            path = line.partition(" stat ")[2].strip().strip('"')
        elif line.startswith("Inode: ") and "Type: " in line:
            found[path] = line.partition("Type: ")[2].split()[0]
    return found


def _part_ends(path: str) -> Iterator[int]:
    yield from (at for at, letter in enumerate(path) if letter == "/" and at)
    yield len(path)


def _verify(where: str, written: list[tuple[str, Path]], folder: Path, deadline: Deadline) -> None:
    """Read back every written file and compare it."""
    back = folder / "back"
    back.mkdir()
    commands = [f"dump {_quote(path)} {back / source.name}" for path, source in written]
    _run_debugfs(where, commands, deadline)
    for path, source in written:
        copy = back / source.name
        if not copy.exists() or copy.read_bytes() != source.read_bytes():
            raise InjectionFailed(f"{path} differs when read back")


def _run_debugfs(
    where: str, commands: list[str], deadline: Deadline, *, write: bool = False
) -> tuple[list[str], list[str]]:
    """Run commands; return the lines of output and of errors."""
    program = ext.find_program("debugfs")
    if program is None:
        raise InjectionFailed("needs the program debugfs: apt-get install e2fsprogs")
    try:
        done = subprocess.run(
            [program, *(["-w"] if write else []), "-f", "-", where],
            input="".join(f"{command}\n" for command in commands).encode(),
            capture_output=True,
            check=False,
            timeout=deadline.within(DEBUGFS_TIMEOUT_S),
            env={**os.environ, "LC_ALL": "C", "DEBUGFS_PAGER": "cat"},
        )
    except subprocess.TimeoutExpired:
        deadline.check("adding files to the image")
        raise InjectionFailed(f"debugfs timed out after {DEBUGFS_TIMEOUT_S:g} s") from None
    errors = ext.debugfs_errors(done.stderr)
    if done.returncode and not errors:
        errors = [f"exit code {done.returncode}"]
    return done.stdout.decode("utf-8", "replace").splitlines(), errors


def _quote(path: str) -> str:
    # debugfs reads lines of 8 kB; it takes the rest of a longer one for another command.
    if any(letter in path for letter in '"\n\r\\') or len(os.fsencode(path)) > MAX_NAME_BYTES:
        raise InjectionFailed(f"debugfs cannot process the name {path[:200]!r}")
    return f'"{path}"'
