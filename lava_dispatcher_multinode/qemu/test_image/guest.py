"""Debian's kernel, and a ramdisk and a root file system with BusyBox, for each architecture.

QEMU starts the kernel itself, without a boot loader. The ramdisk loads the modules for
virtio; it is itself the root, unless the kernel's command line has `root=`.
"""

from __future__ import annotations

import gzip
import os
import shutil
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...errors import InfrastructureError
from ...images import cpio
from ..debian import KERNELS, DebianPackages
from ..ext_make import make_ext4
from .image_build import MIB, initial_modules, read_busybox, read_own, root_files
from .image_cache import MAX_UNUSED_S, locked_cache, recipe
from .kernel_modules import KernelModules

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Step = Callable[[str], None]

ROOT_BYTES = 80 * MIB
#: Architecture as QEMU and the kernel name it -> Debian's name.
DEBIAN_NAMES = {"x86_64": "amd64", "aarch64": "arm64", "arm": "armhf", "riscv64": "riscv64"}
#: Modules for the disk and the network; `virtio_mmio` is for machines without PCI.
_VIRTIO = ("virtio_pci", "virtio_blk", "virtio_net")
_MMIO = ("virtio_mmio",)
_FILE_SYSTEMS = ("crc32c_generic", "ext4")
#: Modules for `modprobe`.
_MORE = ("vfat", "nls_cp437", "nls_iso8859_1", "nls_ascii", "squashfs", "loop", "overlay")


@dataclass(frozen=True)
class Guest:
    """The files of a guest; `packages` are their Debian packages."""

    kernel: Path  # for QEMU's -kernel
    ramdisk: Path  # for QEMU's -initrd
    root: Path  # an ext4 file system, label `rootfs`, not a disk with partitions
    packages: tuple[str, ...]


def cached_guest(
    architecture: str, step: Step, *, suite: str | None = None, renew: bool = False
) -> Guest:
    """Return the files for `architecture`, one of `DEBIAN_NAMES` or of its values.

    They are made once per suite of Debian, and again with `renew`, in the cache of this user.
    `step` gets texts that describe the progress. Safe for concurrent processes. Raise
    `InfrastructureError`.
    """
    name = DEBIAN_NAMES.get(architecture, architecture)
    if name not in KERNELS:
        raise InfrastructureError(
            f"no kernel is known for the architecture '{architecture}': "
            f"one of {', '.join(KERNELS)}"
        )
    metapackage, oldest = KERNELS[name]
    suite = suite or oldest
    with locked_cache() as top:
        packages = DebianPackages(
            top / f"debian-{suite}-{name}", step, renew=renew, suite=suite, architecture=name
        )
        kernel, busybox = packages.unpack(metapackage), packages.unpack("busybox-static")
        made = top / f"guest-{kernel.name}-{recipe()}"
        guest = Guest(
            _find_kernel(kernel),
            made / "ramdisk.cpio.gz",
            made / "root.ext4",
            (kernel.name, busybox.name),
        )
        if renew or not made.is_dir():
            step(f"making the ramdisk and the root file system for {name}")
            _make(guest, KernelModules(kernel), read_busybox(busybox), name)
        os.utime(made)  # records the last use
        _remove_unused(top)
    return guest


def _remove_unused(directory: Path) -> None:
    """Remove the files of other kernels and recipes, unless used recently."""
    for made in directory.glob("guest-*"):
        if made.stat().st_mtime < time.time() - MAX_UNUSED_S:
            shutil.rmtree(made, ignore_errors=True)


def _find_kernel(package: Path) -> Path:
    found = next((package / "boot").glob("vmlinu[xz]-*"), None)
    if found is None:
        raise InfrastructureError(f"the package {package.name} has no kernel in /boot")
    return found


def _make(guest: Guest, modules: KernelModules, busybox: bytes, architecture: str) -> None:
    """Write ramdisk and root; the directory appears when both are complete."""
    made = guest.ramdisk.parent
    half = made.with_name(f"{made.name}.part")
    shutil.rmtree(half, ignore_errors=True)
    half.mkdir()
    wanted = (*_VIRTIO, *(_MMIO if architecture != "amd64" else ()), *_FILE_SYSTEMS)
    files = list(root_files(busybox, modules, _MORE))
    make_ext4(half / guest.root.name, ROOT_BYTES, "rootfs", files)
    archive = cpio.make_archive(
        [*files, ("init", cpio.PROGRAM, read_own("init")),
         *initial_modules(modules, {"any": wanted})]
    )  # fmt: skip
    (half / guest.ramdisk.name).write_bytes(gzip.compress(archive, 6, mtime=0))
    shutil.rmtree(made, ignore_errors=True)
    half.rename(made)
