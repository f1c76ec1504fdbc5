"""Kernel modules and their dependencies."""

from __future__ import annotations

import pytest

from lava_dispatcher_multinode.errors import InfrastructureError
from lava_dispatcher_multinode.qemu.test_image.kernel_modules import (
    KernelModules,
    read_dependencies,
)


@pytest.fixture
def modules(tmp_path):
    """A kernel whose ext4 needs jbd2 and a built-in crc16."""
    top = tmp_path / "lib" / "modules" / "6.1"
    (top / "kernel").mkdir(parents=True)
    (top / "modules.builtin").write_text("kernel/lib/crc16.ko\n")
    for name, others in (("ext4", "jbd2,crc16"), ("jbd2", ""), ("virtio-blk", "jbd2"),
                         ("vfat", "ext4")):  # fmt: skip
        content = b"\x7fELF\0license=GPL\0depends=%b\0name=x\0" % others.encode()
        (top / "kernel" / f"{name}.ko").write_bytes(content)
    return KernelModules(tmp_path)


def test_loading_order(modules):
    """Dependencies come first and once; built-in ones are left out; "-" equals "_"."""
    order = modules.resolve(["ext4", "virtio_blk", "crc16"])
    assert [path.name for path in order] == ["jbd2.ko", "ext4.ko", "virtio-blk.ko"]
    assert modules.version == "6.1"


def test_modules_dep(modules):
    """A line has a module and all its dependencies, the first to load last."""
    order = modules.resolve(["vfat"])
    assert modules.make_table(order) == ("jbd2.ko:\next4.ko: jbd2.ko\nvfat.ko: ext4.ko jbd2.ko\n")


def test_missing_modules(modules):
    """The error for a missing module has the kernel version."""
    with pytest.raises(InfrastructureError, match=r"kernel 6\.1 has no module nfs"):
        modules.resolve(["nfs"])


def test_modules_without_dependencies():
    """A module without a `depends=` entry has no dependencies."""
    assert read_dependencies(b"") == []
    assert read_dependencies(b"\0depends=\0") == []
