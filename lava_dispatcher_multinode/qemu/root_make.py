"""Making an ext4 from the members of a tar archive or a directory, without root.

Owners, modes, times, links, devices and file capabilities are kept. The files are written by
debugfs from numbered copies, so that no name in the archive is a name on this host.
"""

from __future__ import annotations

import io
import os
import shutil
import stat
import tarfile
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import IO, TYPE_CHECKING

from ..errors import ImageError
from .ext_make import run_program

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ..images.progress import ProgressReporter

    Member = tuple[tarfile.TarInfo, IO[bytes] | None]

LABEL = "rootfs"
BLOCK_BYTES = 4096
MIN_BYTES = 256 << 20
SPARE_BYTES = 256 << 20  # for what a test writes; holes on this host's disk
MIN_FREE_BYTES = 256 << 20  # left on this host's disk
MAX_MEMBERS = 2_000_000
MAX_LINKS = 40  # symbolic links in the path of a member, as in Linux
MAX_NAME_BYTES = 2000  # debugfs reads lines of 8 kB, with up to two names
_READ_BYTES = 1 << 20
_CAPABILITY = "SCHILY.xattr.security.capability"
#: No journal, so that a power cut leaves none to replay.
_FEATURES = "^has_journal,^metadata_csum,^orphan_file"


def make_root(
    target: Path, members: Iterable[Member], name: str, progress: ProgressReporter
) -> None:
    """Write an ext4 with `members` to the file `target`; raise `ImageError` naming `name`."""
    with TemporaryDirectory(prefix="lava-root-", dir=target.parent) as scratch:
        tree = _Tree(Path(scratch), name, progress)
        try:
            for member, content in members:
                tree.add(member, content)
        except (tarfile.TarError, EOFError, OverflowError) as error:
            raise ImageError(f"{name}: not a usable tar archive: {error}") from error
        if not tree.entries:
            raise ImageError(f"{name}: it is empty")
        script = Path(scratch, "script")
        script.write_bytes(b"".join(b"%s\n" % line for line in tree.commands()))
        size = max(MIN_BYTES, tree.blocks * BLOCK_BYTES * 5 // 4 + SPARE_BYTES)
        target.unlink(missing_ok=True)
        with target.open("wb") as file:
            file.truncate(size)
        run_program(
            "mke2fs", "-q", "-F", "-t", "ext4", "-b", str(BLOCK_BYTES), "-O", _FEATURES,
            "-L", LABEL, "-m", "0", "-N", str(2 * len(tree.entries) + 10000), str(target),
        )  # fmt: skip
        errors = run_program("debugfs", "-w", "-f", str(script), str(target))
        if errors:
            raise ImageError(f"{name}: debugfs failed: {errors[0]}")


def archive_members(stream: IO[bytes]) -> Iterator[Member]:
    """Yield the members of a tar archive, which is read once."""
    with tarfile.open(fileobj=stream, mode="r|") as tar:
        for member in tar:
            yield member, tar.extractfile(member) if member.isreg() else None


def directory_members(top: Path, own: int) -> Iterator[Member]:
    """Yield the files below `top`; what belongs to user `own` belongs to root."""
    # Only makes headers, with hard links; nothing is written.
    with tarfile.TarFile(fileobj=io.BytesIO(), mode="w") as tar:
        for path in _paths_below(top):
            member = tar.gettarinfo(path, path.relative_to(top).as_posix())
            if member is None:  # a socket
                continue
            if member.uid == own:
                member.uid = member.gid = 0
            if member.isreg():
                with path.open("rb") as file:
                    yield member, file
            else:
                yield member, None


def _paths_below(top: Path) -> Iterator[Path]:
    """Yield all paths, a directory before its content; raise `OSError` where it is unreadable."""

    def fail(error: OSError) -> None:
        raise error

    for folder, folders, names in os.walk(top, onerror=fail):
        folders.sort()
        yield from (Path(folder, name) for name in sorted((*folders, *names)))


class _Tree:
    """The entries of the root file system by path; the last of a path counts, as for tar."""

    def __init__(self, scratch: Path, name: str, progress: ProgressReporter) -> None:
        self.entries: dict[str, tarfile.TarInfo] = {}
        self.blocks = 0
        self._scratch = scratch
        self._name = name
        self._progress = progress
        self._done = 0
        self._number = 0
        self._sources: dict[str, Path] = {}

    def add(self, member: tarfile.TarInfo, content: IO[bytes] | None) -> None:
        """Add a member; the content of a file is copied."""
        path = self._locate(member.name)
        if path == "/" or member.type in {tarfile.XGLTYPE, tarfile.XHDTYPE}:
            return
        if len(self.entries) >= MAX_MEMBERS:
            raise ImageError(f"{self._name}: more than {MAX_MEMBERS} files")
        if member.islnk():
            member.linkname = self._locate(member.linkname)
            if member.linkname not in self._sources or member.linkname == path:
                raise ImageError(
                    f"{self._name}: {path}: no such file for a link: {member.linkname}"
                )
        known = self.entries.get(path)
        if known is not None and known.isdir() != member.isdir():
            raise ImageError(f"{self._name}: {path} is a directory and a file")
        self._add_parents(path)
        self.entries[path] = member
        self.blocks += 1
        if member.isreg():
            self._sources[path] = self._copy(content)

    def commands(self) -> Iterator[bytes]:
        """Yield the commands of debugfs."""
        links = [path for path, member in self.entries.items() if member.islnk()]
        for path, member in self.entries.items():
            if not member.islnk():
                yield from self._commands_of(path, member)
        counts: dict[str, int] = {}
        for path in links:
            target = self.entries[path].linkname
            counts[target] = counts.get(target, 1) + 1
            yield b"ln %s %s" % (self._quote(target), self._quote(path))
        for target, count in counts.items():
            yield b"set_inode_field %s links_count %d" % (self._quote(target), count)

    def _commands_of(self, path: str, member: tarfile.TarInfo) -> Iterator[bytes]:
        quoted = self._quote(path)
        folder, _, name = path.rpartition("/")
        if member.isdir():
            kind = stat.S_IFDIR
            yield b"mkdir %s" % quoted
        elif member.issym():
            kind = stat.S_IFLNK
            yield b"symlink %s %s" % (quoted, self._quote(member.linkname))
        elif member.isreg():
            kind = stat.S_IFREG
            yield b"write %s %s" % (self._quote(str(self._sources[path])), quoted)
        elif member.ischr() or member.isblk() or member.isfifo():
            kind = stat.S_IFCHR if member.ischr() else stat.S_IFBLK
            words = b"%s %d %d" % (
                b"c" if member.ischr() else b"b",
                member.devmajor,
                member.devminor,
            )
            if member.isfifo():
                kind, words = stat.S_IFIFO, b"p"
            yield b"cd %s" % self._quote(folder or "/")  # mknod takes a name, not a path
            yield b"mknod %s %s" % (self._quote(name), words)
            yield b"cd /"
        else:
            raise ImageError(f"{self._name}: {path} is of an unknown kind")
        mode = 0o777 if member.issym() else member.mode & 0o7777
        yield b"set_inode_field %s mode 0%o" % (quoted, kind | mode)
        for field, number in (("uid", member.uid), ("gid", member.gid)):
            if number:
                yield b"set_inode_field %s %s %d" % (quoted, field.encode(), number)
        yield b"set_inode_field %s mtime @%d" % (quoted, max(0, min(member.mtime, 0x7FFFFFFF)))
        capability = member.pax_headers.get(_CAPABILITY)
        if capability is not None:
            value = self._new_file()
            value.write_bytes(capability.encode("utf-8", "surrogateescape"))
            yield b"ea_set -f %s %s security.capability" % (self._quote(str(value)), quoted)

    def _locate(self, name: str) -> str:
        """Return the path of a member, with the links in its directories resolved."""
        parts = list(PurePosixPath("/", name).parts[1:])
        found, links = PurePosixPath("/"), 0
        while parts:
            part = parts.pop(0)
            if part == "..":
                raise ImageError(f"{self._name}: {name!r} leads outside")
            known = self.entries.get(str(found / part))
            if parts and known is not None and known.issym():
                links += 1
                if links > MAX_LINKS:
                    raise ImageError(f"{self._name}: {name!r}: links form a cycle")
                base = found / known.linkname  # an absolute link replaces `found`
                target = _normalise(base)
                parts = [*target.parts[1:], *parts]
                found = PurePosixPath("/")
            else:
                found /= part
        return str(found)

    def _add_parents(self, path: str) -> None:
        parent = path.rpartition("/")[0]
        if parent and parent not in self.entries:
            self._add_parents(parent)
            missing = tarfile.TarInfo(parent)
            missing.type, missing.mode = tarfile.DIRTYPE, 0o755
            self.entries[parent] = missing
            self.blocks += 1
        elif parent and not self.entries[parent].isdir():
            raise ImageError(f"{self._name}: {parent} is no directory, but {path} is in it")

    def _copy(self, content: IO[bytes] | None) -> Path:
        """Copy the content with holes for zeros; stop before the disk is full."""
        target = self._new_file()
        with target.open("wb") as file:
            while content is not None and (block := content.read(_READ_BYTES)):
                self._done += len(block)
                self._progress.report(self._done, None)
                if shutil.disk_usage(self._scratch).free < 2 * len(block) + MIN_FREE_BYTES:
                    raise ImageError(
                        f"{self._name}: too large for the free space of {self._scratch.parent}"
                    )
                if block.strip(b"\0"):
                    file.write(block)
                    self.blocks += -(-len(block) // BLOCK_BYTES)
                else:
                    file.seek(len(block), 1)
            file.truncate(file.tell())
        return target

    def _new_file(self) -> Path:
        self._number += 1
        return self._scratch / str(self._number)

    def _quote(self, path: str) -> bytes:
        raw = path.encode("utf-8", "surrogateescape")
        if b"\n" in raw or b"\r" in raw or len(raw) > MAX_NAME_BYTES:
            raise ImageError(f"{self._name}: debugfs cannot process the name {path[:200]!r}")
        return b'"%s"' % raw.replace(b'"', b'""')


def _normalise(path: PurePosixPath) -> PurePosixPath:
    """Return an absolute path without `..`; above the root is the root."""
    parts: list[str] = []
    for part in path.parts[1:]:
        if part == "..":
            del parts[-1:]
        else:
            parts.append(part)
    return PurePosixPath("/", *parts)
