"""Namespaces: ids, and the ways around what a host may lack."""

import io
import os

import pytest

from lava_dispatcher_multinode.boards.simulated import lab as lab_module
from lava_dispatcher_multinode.boards.simulated import namespaces
from lava_dispatcher_multinode.boards.simulated.confinement import Unavailable


def test_ids_of_an_ordinary_user(monkeypatch):
    """An ordinary user gives the only id there is to give."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(os, "getegid", lambda: 100)
    assert namespaces._mapping("uid") == (1000, 1)
    assert namespaces._mapping("gid") == (100, 1)


@pytest.mark.parametrize(("table", "wanted"), [
    ("0 0 4294967295\n", (2147483647, 65536)),
    ("0 100000 65536\n", (65534, 1)),
    ("0 1000 1\n", (0, 1)),
])
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


def test_without_overlays(tmp_path, monkeypatch, operator, shared_lab):
    """Where overlayfs is refused, boards have the host's programs read-only and an own /etc."""
    program = (
        "import sys; from lava_dispatcher_multinode.boards.simulated import namespaces, factory; "
        "namespaces._overlay_works = lambda: False; sys.exit(factory.main(sys.argv[1:]))"
    )
    launch = lab_module.subprocess.Popen

    def popen(command, **options):
        return launch([command[0], "-S", "-c", program, command[-1]], **options)

    monkeypatch.setattr(lab_module.subprocess, "Popen", popen)
    with lab_module.SimulatedLab(tmp_path, confinement="namespaces") as lab:
        board = operator(lab=lab).boot()
        assert board.run("echo x >> /etc/hosts && grep -c '^x' /etc/hosts") == ("1\n", 0)
        assert board.run("touch /usr/bin/new 2>/dev/null")[1] != 0
        assert board.run("command -v reboot") == ("/etc/simulated/bin/reboot\n", 0)
        board.line("reboot")
        board.expect("U-Boot SPL")
