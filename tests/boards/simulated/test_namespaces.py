"""Namespaces: ids, and the ways around what a host may lack."""

import contextlib
import io
import os
import sys

import pytest

from lava_dispatcher_multinode.boards.simulated import lab as lab_module
from lava_dispatcher_multinode.boards.simulated import namespaces, rootfs
from lava_dispatcher_multinode.boards.simulated.confinement import Unavailable


def test_ids_of_an_ordinary_user(monkeypatch):
    """An ordinary user gives the only id there is to give."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(os, "getegid", lambda: 100)
    assert namespaces._mapping("uid") == (1000, 1)
    assert namespaces._mapping("gid") == (100, 1)


@pytest.mark.parametrize(
    ("table", "wanted"),
    [
        ("0 0 4294967295\n", (2147483647, 65536)),
        ("0 100000 65536\n", (65534, 1)),
        ("0 1000 1\n", (0, 1)),
    ],
)
def test_ids_of_root(monkeypatch, table, wanted):
    """Root gives ids that mean nothing outside, as far as it has any."""
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(os, "getegid", lambda: 0)
    monkeypatch.setattr("builtins.open", lambda *_args, **_more: io.StringIO(table))
    assert namespaces._mapping("uid") == wanted


def test_refusal_is_explained(tmp_path, monkeypatch):
    """A host that refuses is told apart, with what would allow it."""

    def refuse(_flags):
        raise PermissionError(1, "unshare: Operation not permitted")

    monkeypatch.setattr(namespaces.syscalls, "unshare", refuse)
    with pytest.raises(Unavailable, match=r"unshare: Operation not permitted.*apparmor_restrict"):
        namespaces.Namespaces(tmp_path).start()


@pytest.fixture
def other_host(monkeypatch, tmp_path, shared_lab):
    """A function that makes a lab on a host that differs by a line of Python."""
    launch = lab_module.subprocess.Popen

    @contextlib.contextmanager
    def make(difference):
        program = (
            "import sys\n"
            "from lava_dispatcher_multinode.boards.simulated import factory, namespaces, rootfs\n"
            f"{difference}\nsys.exit(factory.main(sys.argv[1:]))"
        )

        def popen(command, **options):
            return launch([command[0], "-S", "-c", program, command[-1]], **options)

        monkeypatch.setattr(lab_module.subprocess, "Popen", popen)
        with lab_module.SimulatedLab(tmp_path, confinement="namespaces") as lab:
            yield lab

    return make


def test_without_overlays(other_host, operator):
    """Where overlayfs is refused, boards have the host's programs read-only and an own /etc."""
    with other_host("namespaces._overlay_works = lambda: False") as lab:
        board = operator(lab=lab).boot()
        assert board.run("echo x >> /etc/hosts && grep -c '^x' /etc/hosts") == ("1\n", 0)
        assert board.run("touch /usr/bin/new 2>/dev/null")[1] != 0
        assert board.run("command -v reboot") == ("/etc/simulated/bin/reboot\n", 0)
        board.line("reboot")
        board.expect("U-Boot SPL")


def test_python_comes_along(other_host, operator):
    """A host whose only Python is this one lends it to the boards, read-only."""
    prefix = os.path.realpath(sys.base_prefix)
    if prefix.split("/")[1] in rootfs.SHARED:
        pytest.skip("this Python is where boards see it anyway")
    with other_host(f"rootfs.python_of_this_process = lambda: {prefix!r}") as lab:
        board = operator(lab=lab).boot()
        command = "/usr/local/bin/python3 -c 'import ssl, sys; print(sys.base_prefix)'"
        assert board.run(command) == (f"{prefix}\n", 0)
        assert board.run(f"touch {prefix}/new 2>/dev/null")[1] != 0
