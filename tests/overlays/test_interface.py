"""Addresses of a board without network tools."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from ..needs import require

LIBRARIES = Path(__file__).parents[2] / "overlays" / "lib"


@pytest.fixture(params=["dash", "busybox", "bash", "mksh", "yash", "posh"])
def ask(request, tmp_path):
    """Return a function that runs `ipv4_of` for an interface, without ip and ifconfig."""
    require(request.param)
    shell = shutil.which(request.param)
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("grep", "sed", "[", "echo"):
        (programs / name).symlink_to(shutil.which(name))
    (programs / "sh").symlink_to(shell)
    devices, hosts = tmp_path / "devices", tmp_path / "hosts"
    devices.write_text("Inter-| Receive\n face |bytes\n    lo: 0 0\n  eth0: 120 1\n")
    hosts.write_text("127.0.0.1\tlocalhost\n10.1.0.1\tpanda01\n10.1.0.2\tpanda011 panda02.lab\n")
    library = (LIBRARIES / "lava-interface").read_text().replace("/etc/hosts", str(hosts))
    library = library.replace("/proc/net/dev", str(devices))

    def say(interface, name="panda01"):
        script = f". {LIBRARIES}/lava-environment\n{library}\nipv4_of {interface}"
        done = subprocess.run(
            [programs / "sh", "-c", script],
            env={"PATH": str(programs), "LAVA_HOSTNAME": name, "LAVA_DIR": str(tmp_path)},
            capture_output=True,
            text=True,
        )
        assert not done.stderr
        return done.stdout

    return say


def test_the_group_s_address(ask):
    """Addresses are found without ip, ifconfig and sysfs, as on a simulated board on Debian."""
    assert ask("eth0") == "10.1.0.1\n"
    assert ask("eth0", "panda02.lab") == "10.1.0.2\n"


def test_no_other_interface_has_it(ask):
    """No address is printed rather than that of another interface."""
    assert ask("eth1") == ask("lo") == ask("eth") == ""
    assert ask("eth0", "panda03") == ""
