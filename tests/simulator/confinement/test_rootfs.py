"""The file system of a board."""

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

from lava_dispatcher_multinode.simulator.confinement import rootfs


def test_etc_has_no_secrets(tmp_path):
    """Only world-readable, small files of /etc are copied, without passwords."""
    source = tmp_path / "etc"
    (source / "private").mkdir(parents=True)
    (source / "private" / "inside").write_text("x")
    (source / "private").chmod(0o700)
    (source / "key").write_text("secret")
    (source / "key").chmod(0o600)
    (source / "shadow").write_text("root:hash")
    (source / "large").write_bytes(bytes(2 << 20))
    (source / "services").write_text("ssh 22/tcp\n")
    (source / "link").symlink_to("services")
    os.mkfifo(source / "pipe")
    (source / "passwd").write_text("root:x:0:0:me:/secret/home:/bin/zsh\nnobody:x:9:9::/:/no\n")
    rootfs.copy_etc(str(tmp_path / "copy"), str(source))
    copy = tmp_path / "copy"
    assert (copy / "services").read_text() == "ssh 22/tcp\n"
    assert (copy / "link").readlink() == Path("services")
    assert not any((copy / name).exists() for name in ("key", "private", "large", "pipe"))
    assert "hash" not in (copy / "shadow").read_text()
    assert (copy / "passwd").read_text() == ("root::0:0:root:/root:/bin/sh\nnobody:x:9:9::/:/no\n")


def test_directories_of_a_new_root(tmp_path):
    """A new root has the usual directories and modes, and the links of the host."""
    rootfs.fill_root(str(tmp_path))
    for name in ("dev", "etc", "home", "mnt", "proc", "root", "run", "tmp", "usr", "var/log"):
        assert (tmp_path / name).is_dir()
    assert stat.S_IMODE((tmp_path / "tmp").stat().st_mode) == 0o1777
    for name, target in rootfs.shared_links().items():
        assert (tmp_path / name).readlink() == Path(target)


def test_skeleton_has_directories_and_scripts_only(tmp_path):
    """The skeleton has the directories of programs; its only files are the scripts."""
    rootfs.make_skeleton(str(tmp_path))
    assert (tmp_path / "usr" / "bin").is_dir()
    files = {path.name for path in tmp_path.rglob("*") if path.is_file()}
    assert files == {"reboot", "poweroff", "halt", "shutdown"}


def test_scripts_signal_init(tmp_path):
    """`reboot` and similar scripts send their signals to init."""
    rootfs.write_scripts(str(tmp_path), str(tmp_path / "pid"))
    for command, name in (
        ("reboot", "TERM"),
        ("poweroff", "USR2"),
        ("halt", "USR1"),
        ("shutdown -r now", "TERM"),
        ("shutdown -h now", "USR2"),
        ("shutdown -H now", "USR1"),
    ):
        target = subprocess.Popen(["sleep", "60"])
        (tmp_path / "pid").write_text(str(target.pid))
        path = f"{tmp_path}:{os.environ['PATH']}"
        subprocess.run(["sh", "-c", command], check=True, env={"PATH": path})
        assert -target.wait(10) == signal.Signals[f"SIG{name}"]


def test_naming(tmp_path):
    """Name and hosts replace existing files, links to the host included."""
    (tmp_path / "etc").mkdir()
    (tmp_path / "elsewhere").write_text("host\n")
    (tmp_path / "etc" / "hosts").symlink_to(tmp_path / "elsewhere")
    rootfs.name_board(str(tmp_path), "panda01", "127.0.0.1 localhost\n")
    assert (tmp_path / "etc" / "hostname").read_text() == "panda01\n"
    assert (tmp_path / "etc" / "hosts").read_text() == "127.0.0.1 localhost\n"
    assert (tmp_path / "elsewhere").read_text() == "host\n"


def test_python_of_this_process(tmp_path):
    """This Python is used only if the host has no python3 for boards."""
    assert rootfs.python_of_this_process(str(tmp_path)) in {
        None,
        os.path.realpath(sys.base_prefix),
    }
    (tmp_path / "python3").symlink_to("/usr/bin/env")
    assert rootfs.python_of_this_process(str(tmp_path)) is None
    rootfs.link_python(str(tmp_path / "skeleton"), "/home/me/python")
    link = tmp_path / "skeleton" / "usr" / "local" / "bin" / "python3"
    assert link.readlink() == Path("/home/me/python/bin/python3")
