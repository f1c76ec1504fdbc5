"""The choice between KVM and TCG, QEMU's own emulation of a processor.

A /dev/kvm proves little: a nested KVM may hang, or emulate so much that TCG is faster. KVM
counts as working when a guest of one boot sector has run on it within a deadline.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from contextlib import suppress
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import TYPE_CHECKING, NamedTuple

from ..errors import InfrastructureError

if TYPE_CHECKING:
    from ..lab.device_sections import QemuMachine

KVM = Path("/dev/kvm")
PROBE_TIMEOUT_S = 3.0  # KVM on hardware needs 0.1 s, TCG 0.3 s
END_TIMEOUT_S = 1.0  # from SIGKILL; a process that hangs in the kernel does not end
_PROGRAM = "qemu-system-x86_64"
_EXIT_PORT, _VALUE = 0xF4, 0x10
#: mov al, VALUE; out EXIT_PORT, al; hlt; and the mark of a boot sector.
_SECTOR = bytes([0xB0, _VALUE, 0xE6, _EXIT_PORT, 0xF4]).ljust(510, b"\0") + b"\x55\xaa"


class Acceleration(NamedTuple):
    """`kvm` or `tcg`, and why."""

    name: str
    reason: str

    def __str__(self) -> str:
        return f"{self.name.upper()} ({self.reason})"


def choose(settings: QemuMachine) -> Acceleration:
    """Return the acceleration of a board; raise `InfrastructureError` if KVM is missing."""
    if settings.accel == "tcg":
        return Acceleration("tcg", "connection.qemu.accel")
    reason = _obstacle(settings.arch)
    if not reason:
        return Acceleration("kvm", "a small guest runs with it")
    if settings.accel == "kvm":
        raise InfrastructureError(
            f"connection.qemu.accel is 'kvm', but {reason}: remove it, or set 'tcg'"
        )
    return Acceleration("tcg", reason)


def _obstacle(arch: str) -> str:
    """Return why KVM cannot run a guest of `arch`, "" if it can."""
    if arch != "x86_64":
        return "KVM is used for x86_64 alone"
    if platform.machine() != arch:
        return f"KVM on {platform.machine()} runs no {arch}"
    if not os.access(KVM, os.R_OK | os.W_OK):
        return f"this user cannot open {KVM}" if KVM.exists() else f"this host has no {KVM}"
    if shutil.which(_PROGRAM) is None:
        return f"{_PROGRAM} is not installed"
    return probe("kvm")


@cache
def probe(name: str, timeout: float = PROBE_TIMEOUT_S) -> str:
    """Return why a small guest does not run with the acceleration `name`, "" if it does."""
    with TemporaryDirectory() as place, TemporaryFile() as errors:
        disk = Path(place, "sector")
        disk.write_bytes(_SECTOR)
        process = subprocess.Popen(
            [_PROGRAM, "-accel", name, "-m", "32", "-nodefaults", "-display", "none",
             "-device", f"isa-debug-exit,iobase={_EXIT_PORT:#x},iosize=4",
             "-drive", f"file={disk},format=raw,if=ide,snapshot=on"],
            stdin=subprocess.DEVNULL,
            stdout=errors,
            stderr=errors,
        )  # fmt: skip
        try:
            code = process.wait(timeout)
        except subprocess.TimeoutExpired:
            return f"a small guest did not end within {timeout:g} s with {name.upper()}"
        finally:
            _end(process)
        if code == _VALUE << 1 | 1:  # as isa-debug-exit defines it
            return ""
        errors.seek(0)
        lines = errors.read(1 << 16).decode(errors="replace").strip().splitlines()
        return f"{_PROGRAM} -accel {name} ended with exit code {code}" + (
            f": {lines[-1][:300]}" if lines else ""
        )


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    with suppress(subprocess.TimeoutExpired):  # it ends as soon as the kernel lets it
        process.wait(END_TIMEOUT_S)
