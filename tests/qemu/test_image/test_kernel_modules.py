"""Kernel modules in the order of loading."""

from __future__ import annotations

import pytest

from lava_dispatcher_multinode.errors import InfrastructureError
from lava_dispatcher_multinode.qemu.test_image.kernel_modules import Modules, needs


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
    return Modules(tmp_path)


def test_what_is_needed_comes_first_and_once(modules):
    """What is built in is not loaded; dash and underscore are one."""
    order = modules.in_order(["ext4", "virtio_blk", "crc16"])
    assert [path.name for path in order] == ["jbd2.ko", "ext4.ko", "virtio-blk.ko"]
    assert modules.version == "6.1"


def test_the_table_is_modprobe_s(modules):
    """A name, a colon, all that it needs and what that needs: what is first needed comes last."""
    order = modules.in_order(["vfat"])
    assert modules.table(order) == ("jbd2.ko:\next4.ko: jbd2.ko\nvfat.ko: ext4.ko jbd2.ko\n")


def test_a_module_that_there_is_not(modules):
    """Another kernel's package may lack one: that is said, with the version."""
    with pytest.raises(InfrastructureError, match=r"kernel 6\.1 has no module nfs"):
        modules.in_order(["nfs"])


def test_a_module_without_a_description_needs_nothing():
    """Whatever is in the file."""
    assert needs(b"") == []
    assert needs(b"\0depends=\0") == []
