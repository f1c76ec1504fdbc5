"""An ext4 of the members of a tar archive or a directory, without root."""

from __future__ import annotations

import io
import os
import stat
import subprocess
import tarfile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lava_dispatcher_multinode.deadline import Deadline
from lava_dispatcher_multinode.errors import ImageError
from lava_dispatcher_multinode.images.progress import ProgressReporter
from lava_dispatcher_multinode.qemu import root_make
from lava_dispatcher_multinode.qemu.root_make import archive_members, directory_members, make_root

from ..needs import PATH, program

pytestmark = pytest.mark.needs("debugfs", "mke2fs", "e2fsck")
PROGRESS = ProgressReporter("test", print, Deadline(600, "test"))
#: A file capability (cap_net_raw), as in an extended attribute.
CAPABILITY = b"\x01\x00\x00\x02\x00\x20\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"


def member(name, kind=tarfile.REGTYPE, content=b"", **fields):
    """Return a member of an archive and its content."""
    info = tarfile.TarInfo(name)
    info.type, info.size, info.mode, info.mtime = kind, len(content), 0o644, 1370044800
    for field, value in fields.items():
        setattr(info, field, value)
    return info, content


def pack(*members, form=tarfile.GNU_FORMAT):
    """Return a tar archive."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=form) as tar:
        for info, content in members:
            tar.addfile(info, io.BytesIO(content))
    file.seek(0)
    return file


def make(tmp_path, *members, form=tarfile.GNU_FORMAT):
    """Make a file system of these members; return its path, checked by e2fsck."""
    target = tmp_path / "root.img"
    make_root(target, archive_members(pack(*members, form=form)), "x.tar", PROGRESS)
    subprocess.run([program("e2fsck"), "-fn", target], check=True, capture_output=True)
    return target


def debugfs(image, request):
    """Return the output of debugfs."""
    words = [program("debugfs"), "-R", request, image]
    return subprocess.run(words, capture_output=True, check=True, env={"PATH": PATH}).stdout


LARGE = b"x" * 5000 + bytes(3 << 20) + b"y" * 100


def test_everything_is_kept(tmp_path):
    """Content, owner, mode, time, links, devices and names of all kinds."""
    image = make(
        tmp_path,
        member("./etc", tarfile.DIRTYPE, mode=0o750, uid=7, gid=8),
        member('./etc/a "file"\\x2d', content=b"text", mode=0o4755, uid=100000, gid=5),
        member("./etc/large", content=LARGE),
        member("./etc/hard", tarfile.LNKTYPE, linkname="./etc/large"),
        member("./bin", tarfile.SYMTYPE, linkname="usr/bin"),
        member("./abs", tarfile.SYMTYPE, linkname="/usr"),
        member("./usr/bin/sh", content=b"in a directory that the archive lacks"),
        member("./dev/null", tarfile.CHRTYPE, devmajor=1, devminor=3, mode=0o666),
        member("./dev/sda", tarfile.BLKTYPE, devmajor=8, devminor=0),
        member("./run/pipe", tarfile.FIFOTYPE),
    )
    assert debugfs(image, 'cat "/etc/a ""file""\\x2d"') == b"text"
    assert debugfs(image, "cat /etc/large") == LARGE
    shown = debugfs(image, 'stat "/etc/a ""file""\\x2d"')
    assert b"Mode:  04755" in shown
    assert b"User: 100000   Group:     5" in shown
    assert b"mtime: 0x%x" % 1370044800 in shown
    assert b"Links: 2" in debugfs(image, "stat /etc/hard")
    assert b'Fast link dest: "usr/bin"' in debugfs(image, "stat /bin")
    assert b"in a directory" in debugfs(image, "cat /usr/bin/sh")
    assert b"Type: character" in debugfs(image, "stat /dev/null")
    assert b"Device major/minor number: 01:03" in debugfs(image, "stat /dev/null")
    assert b"Type: block" in debugfs(image, "stat /dev/sda")
    assert b"Type: FIFO" in debugfs(image, "stat /run/pipe")
    assert image.stat().st_blocks * 512 < 32 << 20  # holes stay holes


def test_members_behind_links(tmp_path):
    """A member behind a link of the archive goes where the link leads, inside the archive."""
    image = make(
        tmp_path,
        member("lib", tarfile.SYMTYPE, linkname="usr/lib"),
        member("up", tarfile.SYMTYPE, linkname="../../../usr"),
        member("lib/a", content=b"a"),
        member("up/lib/b", content=b"b"),
        member("lib/a", content=b"newer"),
    )
    assert debugfs(image, "cat /usr/lib/a") == b"newer"
    assert debugfs(image, "cat /usr/lib/b") == b"b"


def test_file_capabilities(tmp_path):
    """The capabilities of a file, without which `ping` needs root, are kept."""
    value = CAPABILITY.decode("utf-8", "surrogateescape")
    headers = {"SCHILY.xattr.security.capability": value}
    image = make(tmp_path, member("ping", pax_headers=headers), form=tarfile.PAX_FORMAT)
    assert b"security.capability (20)" in debugfs(image, "stat /ping")


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ([member("../x", content=b"x")], "'../x' leads outside"),
        ([member("a\nrm /b")], "debugfs cannot process the name"),
        ([member("a", tarfile.LNKTYPE, linkname="/etc/passwd")], "no such file for a link"),
        ([member("a", tarfile.SYMTYPE, linkname="b"), member("b", tarfile.SYMTYPE, linkname="a"),
          member("a/x")], "links form a cycle"),
        ([member("a", content=b"x"), member("a/x")], "/a is no directory"),
        ([member("a", content=b"x"), member("a", tarfile.DIRTYPE)], "a directory and a file"),
        ([], "it is empty"),
    ],
)  # fmt: skip
def test_hostile_archives(tmp_path, members, message):
    """Names that lead outside, or that debugfs would take for commands, are refused."""
    with pytest.raises(ImageError, match=f"x.tar: .*{message}"):
        make(tmp_path, *members)


def test_damaged_archives(tmp_path):
    """The end of an archive that was cut is an error, not a smaller root."""
    file = pack(member("a", content=b"x" * 5000), member("b", content=b"x" * 5000))
    cut = io.BytesIO(file.getvalue()[:7000])
    with pytest.raises(ImageError, match="x.tar: not a usable tar archive"):
        make_root(tmp_path / "root", archive_members(cut), "x.tar", PROGRESS)


def test_bounds(tmp_path, monkeypatch):
    """The number of files, and the space that they take, are bounded."""
    monkeypatch.setattr(root_make, "MAX_MEMBERS", 1)
    with pytest.raises(ImageError, match="more than 1 files"):
        make(tmp_path, member("a"), member("b"))
    monkeypatch.setattr(root_make, "MIN_FREE_BYTES", 1 << 60)
    with pytest.raises(ImageError, match="too large for the free space"):
        make(tmp_path, member("a", content=b"x"))


def test_directories(tmp_path):
    """A directory of this host gives the same; the user's own files belong to root."""
    top = tmp_path / "tree"
    (top / "etc").mkdir(parents=True)
    (top / "etc" / "file").write_text("text")
    (top / "etc" / "file").chmod(0o2755)
    (top / "link").symlink_to("etc")
    os.link(top / "etc" / "file", top / "hard")
    os.mkfifo(top / "pipe")
    target = tmp_path / "root.img"
    make_root(target, directory_members(top, os.geteuid()), "tree", PROGRESS)
    subprocess.run([program("e2fsck"), "-fn", target], check=True, capture_output=True)
    shown = debugfs(target, "stat /etc/file")
    assert b"Mode:  02755" in shown
    assert b"User:     0   Group:     0" in shown
    assert b"Links: 2" in shown
    assert debugfs(target, "cat /hard") == b"text"
    assert b"Type: FIFO" in debugfs(target, "stat /pipe")


def test_unreadable_directories_are_errors(tmp_path, monkeypatch):
    """A directory that cannot be read is an error, not an empty one."""

    def fail(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "scandir", fail)
    with pytest.raises(PermissionError):
        list(directory_members(tmp_path, 0))


NAMES = st.text(st.sampled_from('ab/."\\ \n'), min_size=1, max_size=8)
KINDS = st.sampled_from([tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE])


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.tuples(NAMES, KINDS, NAMES), max_size=8))
def test_any_archive_is_made_or_refused(tmp_path, members):
    """Any members give a clean file system, or an ImageError."""
    items = [member(name, kind, linkname=link) for name, kind, link in members]
    try:
        image = make(tmp_path, *items)
    except ImageError:
        return
    assert stat.S_ISREG(image.stat().st_mode)
