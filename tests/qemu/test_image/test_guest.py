"""Kernel, ramdisk and root file system from Debian's packages, booted by bare QEMU."""

from __future__ import annotations

import os
import time

import pexpect
import pytest

from lava_dispatcher_multinode.errors import InfrastructureError
from lava_dispatcher_multinode.qemu.test_image import guest as guest_module
from lava_dispatcher_multinode.qemu.test_image.guest import cached_guest

from ...needs import require, skipped_without

BOOT_TIMEOUT_S = 240  # emulated, on a busy host
PROMPT = r"root@board:\S* ?# "
#: Architecture -> machine, console, bus of its devices.
MACHINES = {
    "x86_64": (("qemu-system-x86_64",), "ttyS0", "pci"),
    "aarch64": (("qemu-system-aarch64", "-M", "virt", "-cpu", "cortex-a57"), "ttyAMA0", "pci"),
    "arm": (("qemu-system-arm", "-M", "virt", "-cpu", "cortex-a15"), "ttyAMA0", "device"),
    "riscv64": (("qemu-system-riscv64", "-M", "virt"), "ttyS0", "pci"),
}
#: What `uname -m` prints, if it differs.
NAMES = {"arm": "armv7l"}


def boot(guest, architecture, line):
    """Start the guest; return its console at the shell prompt."""
    (program, *machine), console, bus = MACHINES[architecture]
    words = [
        *machine, "-m", "512", "-nodefaults", "-display", "none", "-serial", "stdio",
        "-kernel", str(guest.kernel), "-initrd", str(guest.ramdisk),
        "-append", f"console={console} quiet {line}",
        "-drive", f"file={guest.root},format=raw,if=none,id=disk,snapshot=on",
        "-device", f"virtio-blk-{bus},drive=disk",
        "-netdev", "user,id=net", "-device", f"virtio-net-{bus},netdev=net",
    ]  # fmt: skip
    child = pexpect.spawn(program, words, timeout=BOOT_TIMEOUT_S)
    child.expect(PROMPT)
    return child


def answer(child, command):
    """Return the output of `command` at the guest's shell."""
    child.sendline(f"echo beg''in; {command}; echo en''d")
    child.expect(r"begin\r*\n(.*)end\r*\n")
    return child.match[1].decode().replace("\r", "").strip()


@pytest.mark.slow
@pytest.mark.timeout(3 * BOOT_TIMEOUT_S)
@pytest.mark.parametrize("architecture", MACHINES)
@pytest.mark.parametrize(("line", "root"), [("", "rootfs"), ("root=LABEL=rootfs rw", "/dev/vda")])
def test_guests_reach_a_shell(architecture, line, root):
    """Each architecture boots to a root shell with disk, network and modules, on both roots."""
    require(MACHINES[architecture][0][0])
    with skipped_without("Debian's archive"):
        guest = cached_guest(architecture, print)
    child = boot(guest, architecture, line)
    try:
        name = NAMES.get(architecture, architecture)
        assert answer(child, "uname -m") == name
        mounts = [text.split() for text in answer(child, "cat /proc/mounts").splitlines()]
        assert root in [words[0] for words in mounts if words[1:2] == ["/"]]
        assert "10.0.2.15" in answer(child, "ip -4 addr show dev eth0")
        assert "squashfs" in answer(child, "modprobe squashfs && cat /proc/filesystems")
    finally:
        child.close(force=True)


def test_an_unknown_architecture(tmp_path, monkeypatch):
    """The error for an unknown architecture lists the known ones; nothing is fetched."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(InfrastructureError, match="'sparc'.*one of amd64, arm64, armhf, riscv64"):
        cached_guest("sparc", print)
    assert not list(tmp_path.iterdir())


def test_unused_guests_are_removed(tmp_path, monkeypatch):
    """Files of another kernel or recipe are removed, unless used recently."""
    kept, old = tmp_path / "guest-new-1", tmp_path / "guest-old-1"
    for path in (kept, old):
        path.mkdir()
        (path / "root.ext4").touch()
    os.utime(old, (time.time() - guest_module.MAX_UNUSED_S - 60,) * 2)
    guest_module._remove_unused(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["guest-new-1"]
