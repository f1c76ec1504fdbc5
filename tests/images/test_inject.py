"""Adding files to an ext file system with debugfs."""

from __future__ import annotations

import io
import os
import struct
import subprocess
import tarfile

import pytest

from lava_dispatcher_multinode.deadline import Deadline
from lava_dispatcher_multinode.images import ext
from lava_dispatcher_multinode.images import inject as inject_module
from lava_dispatcher_multinode.images.inject import InjectionFailed, inject_files

OFFSET = 1 << 20
PATH = f"{os.environ['PATH']}:/usr/sbin:/sbin"

pytestmark = pytest.mark.needs("debugfs", "mke2fs", "e2fsck")


def _run(*command):
    return subprocess.run(
        command, check=True, capture_output=True, text=True, env={**os.environ, "PATH": PATH}
    ).stdout


@pytest.fixture
def disk(tmp_path):
    """A function that makes a disk with an ext file system of a kind at OFFSET."""

    def make(kind="ext4", *options):
        tree = tmp_path / "tree"
        (tree / "etc").mkdir(parents=True)
        (tree / "etc" / "old").write_text("old")
        (tree / "link").symlink_to("etc")
        path = tmp_path / f"{kind}.img"
        path.write_bytes(b"")
        os.truncate(path, 9 << 20)
        _run("mke2fs", "-q", "-F", "-t", kind, *options, "-d", str(tree), "-E",
             f"offset={OFFSET},root_owner=0:0", str(path), "8m")  # fmt: skip
        return path

    return make


@pytest.fixture
def archive(tmp_path):
    """A function that packs (name, content, mode); None is a directory, a str a link.

    One that begins with lava- is a hard one.
    """

    def make(*members):
        path = tmp_path / "overlay.tar.gz"
        with tarfile.open(path, "w:gz") as tar:
            for name, content, mode in members:
                member = tarfile.TarInfo(name)
                member.mode, member.uid, member.gid, member.mtime = mode, 3, 4, 1370044800
                if content is None:
                    member.type = tarfile.DIRTYPE
                elif isinstance(content, str):
                    hard = content.startswith("lava-")
                    member.type = tarfile.LNKTYPE if hard else tarfile.SYMTYPE
                    member.linkname = content
                else:
                    member.size = len(content)
                tar.addfile(member, io.BytesIO(content) if isinstance(content, bytes) else None)
        return path

    return make


def _inject(disk, archive, files=None):
    inject_files(disk, OFFSET, archive, files or {}, Deadline(60, "test"))


def _ask(disk, command):
    return _run("debugfs", "-R", command, f"{disk}?offset={OFFSET}")


def _checked(disk, tmp_path):
    """Check the file system with e2fsck."""
    part = tmp_path / "part"
    part.write_bytes(disk.read_bytes()[OFFSET:])
    _run("e2fsck", "-fn", str(part))


@pytest.mark.parametrize("kind", ["ext2", "ext3", "ext4"])
def test_owner_mode_and_content(disk, archive, tmp_path, kind):
    """Files, directories and links are added; the file system has no error."""
    path = disk(kind)
    content = os.urandom(70_000)
    tar = archive(
        ("lava-1", None, 0o755),
        ("lava-1/bin/lava self", content, 0o4755),
        ("lava-1/empty", b"", 0o600),
        ("lava-1/link", "bin/lava self", 0o777),
        ("lava-1/again", "lava-1/bin/lava self", 0o755),
    )
    for _ in range(2):  # the second time replaces the files
        _inject(path, tar, {"/lava-1/environment": b"a=1\n"})
    _ask(path, f'dump "/lava-1/bin/lava self" {tmp_path}/back')
    assert (tmp_path / "back").read_bytes() == content
    _ask(path, f"dump /lava-1/again {tmp_path}/again")
    assert (tmp_path / "again").read_bytes() == content
    stat = _ask(path, 'stat "/lava-1/bin/lava self"')
    assert "Mode:  04755" in stat
    assert "User:     3   Group:     4" in stat
    assert "bin/lava self" in _ask(path, "stat /lava-1/link")
    assert _ask(path, "cat /lava-1/environment") == "a=1\n"
    _checked(path, tmp_path)


def test_existing_files_are_replaced(disk, archive, tmp_path):
    """An existing file is replaced; other files stay."""
    path = disk()
    _inject(path, archive(("etc/old", b"new", 0o644)))
    assert _ask(path, "cat /etc/old") == "new"
    assert "lost+found" in _ask(path, "ls /")
    _checked(path, tmp_path)


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ([("etc", b"x", 0o644)], "/etc is a directory in the image"),
        ([("etc/old/x", b"x", 0o644)], "/etc/old is not a directory in the image"),
        ([("link/x", b"x", 0o644)], "/link is not a directory in the image"),
        ([('a"b', b"x", 0o644)], "debugfs cannot process the name"),
        ([("a\ndump <2> x", b"x", 0o644)], "debugfs cannot process the name"),
        ([("d" * 250 + "/" + "x/" * 4000, b"x", 0o644)], "debugfs cannot process the name"),
        ([("big", bytes(range(256)) * 40_000, 0o644)], "debugfs failed: .*(space|allocate)"),
    ],
)
def test_files_that_cannot_be_added(disk, archive, members, message):
    """Errors are detected, though debugfs always exits with 0."""
    with pytest.raises(InjectionFailed, match=message):
        _inject(disk(), archive(*members))


def test_a_journal_that_needs_recovery(disk, archive):
    """Nothing is written, as replaying the journal would undo it."""
    path = disk("ext4")
    image = bytearray(path.read_bytes())
    at = OFFSET + 1024 + 0x60
    struct.pack_into("<I", image, at, struct.unpack_from("<I", image, at)[0] | 4)
    path.write_bytes(image)
    with pytest.raises(InjectionFailed, match="journal needs recovery"):
        _inject(path, archive(("x", b"x", 0o644)))
    assert path.read_bytes() == image


def test_other_file_systems(archive, tmp_path):
    """A FAT or an empty disk is an error."""
    (tmp_path / "disk").write_bytes(bytes(4 << 20))
    with pytest.raises(InjectionFailed, match="no ext2, ext3 or ext4"):
        _inject(tmp_path / "disk", archive(("x", b"x", 0o644)))


def test_a_failed_write_is_detected(disk, archive, monkeypatch):
    """Every file is read back and compared."""
    path = disk()
    whole = inject_module._run_debugfs

    def forgetful(where, commands, deadline, *, write=False):
        if write:
            commands = [line for line in commands if not line.startswith("write")][:1]
        return whole(where, commands, deadline, write=write)

    monkeypatch.setattr(inject_module, "_run_debugfs", forgetful)
    with pytest.raises(InjectionFailed, match="differs when read back"):
        _inject(path, archive(("lava-1/x", b"x", 0o644)))


def test_missing_debugfs(disk, archive, monkeypatch):
    """The error names the package to install."""
    path, tar = disk(), archive(("x", b"x", 0o644))
    monkeypatch.setattr(ext, "find_program", lambda _: None)
    with pytest.raises(InjectionFailed, match="debugfs: apt-get install e2fsprogs"):
        _inject(path, tar)


def test_scratch_files_are_beside_the_archive(disk, archive, tmp_path, monkeypatch):
    """Scratch files are in the directory of the archive, which the cleanup removes."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "not-there"))
    _inject(disk(), archive(("x", b"x", 0o644)))
