"""The choice between KVM and TCG."""

from __future__ import annotations

import time

import pytest

from lava_dispatcher_multinode.errors import InfrastructureError
from lava_dispatcher_multinode.lab.device_sections import QemuMachine
from lava_dispatcher_multinode.qemu import acceleration
from lava_dispatcher_multinode.qemu.acceleration import choose, probe

PC = "x86_64"
GUEST_TIMEOUT_S = 60  # emulated, on a busy host


@pytest.mark.needs("qemu-system-x86_64")
def test_the_small_guest_runs():
    """The probe's guest runs and ends by itself on TCG, which every host has."""
    assert probe("tcg", GUEST_TIMEOUT_S) == ""


@pytest.mark.needs("qemu-system-x86_64")
def test_the_probe_has_a_deadline(monkeypatch):
    """A guest that does not end, as on a KVM that hangs, is ended, and the reason says so."""
    monkeypatch.setattr(acceleration, "_SECTOR", b"\xeb\xfe".ljust(510, b"\0") + b"\x55\xaa")
    start = time.monotonic()
    assert probe("tcg", 1.5) == "a small guest did not end within 1.5 s with TCG"
    assert time.monotonic() - start < 15


@pytest.mark.needs("qemu-system-x86_64")
def test_the_words_of_qemu():
    """If QEMU refuses, the reason has its words."""
    assert "nonsense" in probe("nonsense", GUEST_TIMEOUT_S)


@pytest.mark.parametrize(
    ("settings", "obstacle", "name", "reason"),
    [
        (QemuMachine(arch=PC), "", "kvm", "runs with it"),
        (QemuMachine(arch=PC), "it hangs", "tcg", "it hangs"),
        (QemuMachine(arch=PC, accel="kvm"), "", "kvm", "runs with it"),
        (QemuMachine(arch=PC, accel="tcg"), "", "tcg", "connection.qemu.accel"),
    ],
)
def test_kvm_only_where_it_works(monkeypatch, settings, obstacle, name, reason):
    """KVM is used if nothing prevents it and the device file permits it, with a reason."""
    monkeypatch.setattr(acceleration, "_obstacle", lambda arch: obstacle)
    chosen = choose(settings)
    assert chosen.name == name
    assert reason in chosen.reason


def test_a_demand_that_cannot_be_met():
    """With `accel: kvm`, a board that KVM cannot run is an error, not a slow board."""
    with pytest.raises(InfrastructureError, match="accel is 'kvm', but KVM is used for x86_64"):
        choose(QemuMachine(arch="riscv64", accel="kvm"))
