"""A kernel that the emulator of a board starts itself, without a boot loader."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ...errors import DeployError
from .media import write_media
from .tftp_boot import device_tree, ramdisk_with_overlay

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ...deadline import Deadline
    from ...lab.device_model import Device
    from ..delivery.bundle import OverlayBundle
    from .tftp_boot import BootFiles

_HEAD_BYTES = 4096
#: Offset and bytes that show the architecture of a kernel.
_MARKS = (
    (0x202, b"HdrS", "x86_64"),
    (0x38, b"ARM\x64", "aarch64"),
    (0x38, b"RSC\x05", "riscv64"),
    (0x24, b"\x18\x28\x6f\x01", "arm"),
)


@dataclass(frozen=True)
class DirectKernel:
    """What the emulator starts; `on_disk`: the root file system is on the card."""

    kernel: Path
    ramdisk: bytes | None
    dtb: bytes | None
    on_disk: bool


def prepare_direct(
    device: Device,
    card: str | None,
    files: BootFiles,
    bundle: OverlayBundle | None,
    deadline: Deadline,
    step: Callable[[str], None],
) -> tuple[DirectKernel, bool]:
    """Return what to start, and whether ramdisk or root file system contain `bundle`.

    The root file system is written to `card` while the power is off. Raise `DeployError`.
    """
    assert device.connection.qemu is not None
    with files.kernel.path.open("rb") as file:
        kind = kernel_architecture(file.read(_HEAD_BYTES))
    if kind not in ("", device.connection.qemu.arch):
        raise DeployError(
            f"{files.kernel.name}: a kernel for {kind}, and {device.name} is a board with "
            f"connection.qemu.arch {device.connection.qemu.arch}"
        )
    has_root = files.rootfs is not None
    ramdisk, holds_overlay = ramdisk_with_overlay(
        device, files.ramdisk, None if has_root else bundle, step
    )
    if files.rootfs is not None:
        unchanged = replace(device, deploy=replace(device.deploy, layout="image"))
        holds_overlay = write_media(unchanged, card, files.rootfs, bundle, deadline, step)
    return DirectKernel(
        files.kernel.path, ramdisk, device_tree(files.dtb), has_root
    ), holds_overlay


def kernel_architecture(head: bytes) -> str:
    """Return the architecture of the kernel that begins with `head`, "" if it does not show."""
    return next((name for at, mark, name in _MARKS if head[at : at + len(mark)] == mark), "")
