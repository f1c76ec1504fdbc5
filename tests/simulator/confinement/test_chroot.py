"""Boards confined by chroot."""

import os
from pathlib import Path

import pytest

pytestmark = [pytest.mark.needs("chroot"), pytest.mark.slow]


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """A lab whose boards are confined by chroot."""
    from lava_dispatcher_multinode.simulator.simulated_lab import SimulatedLab

    with SimulatedLab(tmp_path_factory.mktemp("lab"), confinement="chroot") as made:
        yield made


def test_boards_in_trees(lab, operator):
    """A board has a shell, tools, python3, names and its own hosts file."""
    before = Path("/etc/hosts").read_bytes()
    one, two = operator(lab=lab), operator(lab=lab)
    one.boot()
    assert one.board.address.startswith("127.")
    assert one.run("id -u && echo x >> /etc/hosts && grep -c x /etc/hosts")[1] == 0
    assert Path("/etc/hosts").read_bytes() == before
    assert one.run(f"grep -c {two.board.name} /etc/hosts") == ("1\n", 0)
    assert one.run("python3 -c 'import socket, json, hashlib; print(6*7)'") == ("42\n", 0)
    assert one.run("ls -A /home /root") == ("/home:\n\n/root:\n", 0)
    assert one.run("echo text > /dev/null; test -c /dev/null") == ("", 0)
    assert one.run("printf 'a b\\n' | awk '{print $2}' | sed s/b/c/") == ("c\n", 0)
    assert one.run("mknod /tmp/disk b 254 0")[1] != 0


def test_processes_end_with_the_power(lab, operator):
    """Background processes end with the power."""
    board = operator(lab=lab).boot()
    output, _ = board.run("nohup sleep 54321 >/dev/null 2>&1 & echo pid $!")
    pid = int(output.split("pid ")[1].split()[0])
    descriptor = os.pidfd_open(pid)
    board.board.power_off()
    assert not Path(f"/proc/{pid}").exists()
    os.close(descriptor)


def test_reboot(lab, operator):
    """`reboot` works without a pid namespace."""
    board = operator(lab=lab).boot()
    board.line("reboot")
    board.expect("Restarting system.")
    board.expect("U-Boot SPL")
