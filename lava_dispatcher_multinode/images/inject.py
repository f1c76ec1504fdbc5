"""Files into an ext2/3/4 inside a disk image or on a card, by debugfs: no root, no mount.

debugfs exits with 0 whatever happens; what it prints to stderr is the only sign.
"""

from __future__ import annotations

import os
import shutil
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
    from collections.abc import Iterator, Mapping

    from ..deadline import Deadline

LONGEST_WORD = 2000  # bytes; there are two in a line
WAIT = 300.0  # seconds for all of it
_INCOMPAT_RECOVER = 0x4
_STATE_ERRORS = 0x2
_SYSTEM_PATH = "/usr/sbin:/sbin"


class NotPossible(Exception):
    """The files cannot be put there; `str` is the end of a sentence. Nothing else is lost."""


def inject(
    disk: Path, offset: int, archive: Path, files: Mapping[str, bytes], deadline: Deadline
) -> None:
    """Put the members of a tar, and then `files` by path, into the ext at byte `offset`.

    Owners and modes are the tar's; `files` are root's, mode 644. What is there
    already is replaced. Raise `NotPossible`, or what `deadline` does.
    """
    _check(disk, offset)
    where = f"{disk}?offset={offset}"
    # Beside the archive: where the run's scratch files are, whoever has to remove them.
    scratch = tempfile.TemporaryDirectory(prefix="inject-", dir=archive.parent)
    with scratch as folder, tarfile.open(archive) as tar:
        members = list(_members(tar, files))
        known = _types(where, {path for path, _, _ in members}, deadline)
        commands = _Commands(Path(folder), known)
        try:
            for path, member, content in members:
                commands.add(path, member, content)
        except OSError as error:
            raise NotPossible(f"needs room for the files on this host: {error}") from error
        _, errors = _debugfs(where, commands.lines, deadline, write=True)
        if errors:
            raise NotPossible(f"debugfs says: {errors[0]}")
        _compare(where, commands.written, Path(folder), deadline)


def _check(disk: Path, offset: int) -> None:
    try:
        with disk.open("rb") as file:
            ext.label(file, offset)  # is it one at all?
            file.seek(offset + 1024)
            superblock = file.read(1024)
    except (OSError, DeployError) as error:
        raise NotPossible(str(error)) from error
    # The replay of the journal at the next mount would undo all of it, silently.
    if struct.unpack_from("<I", superblock, 0x60)[0] & _INCOMPAT_RECOVER:
        raise NotPossible("its journal needs recovery: the image was not unmounted (e2fsck -fy)")
    if struct.unpack_from("<H", superblock, 0x3A)[0] & _STATE_ERRORS:
        raise NotPossible("it has errors (e2fsck -fy)")


def _members(
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


class _Commands:
    """What debugfs is told to do."""

    def __init__(self, folder: Path, known: Mapping[str, str]) -> None:
        self.lines: list[str] = []
        self.written: list[tuple[str, Path]] = []  # path, a file with what must be there
        self._folder = folder
        self._known = dict(known)
        self._sources: dict[str, Path] = {}

    def add(self, path: str, member: tarfile.TarInfo, content: bytes) -> None:
        if member.isdir():
            self._directory(path)
            self._inode(path, member, stat.S_IFDIR)
            return
        self._directory(path.rpartition("/")[0])
        known = self._known.get(path)
        if known == "directory":
            raise NotPossible(f"{path} is a directory there")
        if known is not None:
            self.lines.append(f"rm {_word(path)}")
        if member.issym():
            self.lines.append(f"symlink {_word(path)} {_word(member.linkname)}")
            self._known[path] = "symlink"
        elif member.isreg() or member.islnk():  # a link becomes a file of its own
            if not member.islnk():
                self._sources[path] = self._folder / str(len(self._sources))
                self._sources[path].write_bytes(content)
            source = self._sources[f"/{member.linkname}" if member.islnk() else path]
            self.lines.append(f"write {source} {_word(path)}")
            self._inode(path, member, stat.S_IFREG)
            self.written.append((path, source))
            self._known[path] = "regular"
        else:
            raise NotPossible(f"{path} is neither file, directory nor symbolic link")

    def _directory(self, path: str) -> None:
        if path in {"", "/"}:
            return
        known = self._known.get(path)
        if known is None:
            self._directory(path.rpartition("/")[0])
            self.lines.append(f"mkdir {_word(path)}")
            self._known[path] = "directory"
        elif known != "directory":
            raise NotPossible(f"{path} is no directory there")

    def _inode(self, path: str, member: tarfile.TarInfo, kind: int) -> None:
        fields = {
            "mode": f"0{kind | member.mode & 0o7777:o}",
            "uid": member.uid,
            "gid": member.gid,
            "mtime": f"@{int(member.mtime)}",
        }
        for name, value in fields.items():
            self.lines.append(f"set_inode_field {_word(path)} {name} {value}")


def _types(where: str, paths: set[str], deadline: Deadline) -> dict[str, str]:
    """Return what kind of file each of `paths` and of their parents is, of those that are."""
    every = {path[:end] for path in paths for end in _ends(path)}
    lines, _ = _debugfs(where, [f"stat {_word(path)}" for path in sorted(every)], deadline)
    found: dict[str, str] = {}
    asked = ""
    for line in lines:
        if line.startswith("debugfs: stat "):
            asked = line.partition(" stat ")[2].strip().strip('"')
        elif line.startswith("Inode: ") and "Type: " in line:
            found[asked] = line.partition("Type: ")[2].split()[0]
    return found


def _ends(path: str) -> Iterator[int]:
    yield from (at for at, letter in enumerate(path) if letter == "/" and at)
    yield len(path)


def _compare(
    where: str, written: list[tuple[str, Path]], folder: Path, deadline: Deadline
) -> None:
    """Read every file back."""
    back = folder / "back"
    back.mkdir()
    commands = [f"dump {_word(path)} {back / source.name}" for path, source in written]
    _debugfs(where, commands, deadline)
    for path, source in written:
        copy = back / source.name
        if not copy.exists() or copy.read_bytes() != source.read_bytes():
            raise NotPossible(f"{path} does not read back as it was written")


def _debugfs(
    where: str, commands: list[str], deadline: Deadline, *, write: bool = False
) -> tuple[list[str], list[str]]:
    """Run commands; return the lines of its output and of its complaints."""
    program = shutil.which("debugfs") or shutil.which("debugfs", path=_SYSTEM_PATH)
    if program is None:
        raise NotPossible("it takes the program debugfs (e2fsprogs)")
    try:
        done = subprocess.run(
            [program, *(["-w"] if write else []), "-f", "-", where],
            input="".join(f"{command}\n" for command in commands).encode(),
            capture_output=True,
            check=False,
            timeout=deadline.within(WAIT),
            env={**os.environ, "LC_ALL": "C", "DEBUGFS_PAGER": "cat"},
        )
    except subprocess.TimeoutExpired:
        deadline.check("putting files into the image")
        raise NotPossible(f"debugfs has not ended within {WAIT:g} s") from None
    said = done.stderr.decode("utf-8", "backslashreplace").splitlines()
    errors = [line for line in said if line.strip() and not line.startswith("debugfs 1.")]
    if done.returncode and not errors:
        errors = [f"exit code {done.returncode}"]
    return done.stdout.decode("utf-8", "replace").splitlines(), errors


def _word(path: str) -> str:
    # Of a line of 8 kB debugfs takes the rest for another command.
    if any(letter in path for letter in '"\n\r\\') or len(os.fsencode(path)) > LONGEST_WORD:
        raise NotPossible(f"debugfs cannot take the name {path[:200]!r}")
    return f'"{path}"'
