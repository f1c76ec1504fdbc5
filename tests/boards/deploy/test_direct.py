"""Kernels that the emulator of a board starts itself."""

from __future__ import annotations

import pytest

from lava_dispatcher_multinode.boards.deploy.direct import kernel_architecture, prepare_direct
from lava_dispatcher_multinode.boards.deploy.support import unsupported_reason
from lava_dispatcher_multinode.boards.deploy.tftp_boot import BootFiles
from lava_dispatcher_multinode.errors import DeployError
from lava_dispatcher_multinode.images.store import Image
from lava_dispatcher_multinode.images.uimage import make_zimage
from lava_dispatcher_multinode.lab.deploy_sections import Deploy
from lava_dispatcher_multinode.lab.device_model import Device
from lava_dispatcher_multinode.lab.device_sections import ConsoleConnection, QemuMachine


def machine(arch, method="media"):
    """Return the device of an emulated board."""
    connection = ConsoleConnection(qemu=QemuMachine(arch=arch))
    return Device("vm", "qemu", connection=connection, deploy=Deploy(method=method))


@pytest.mark.parametrize(
    ("at", "mark", "name"),
    [(0x202, b"HdrS", "x86_64"), (56, b"ARM\x64", "aarch64"), (56, b"RSC\x05", "riscv64")],
)
def test_the_architecture_of_a_kernel(at, mark, name):
    """The first bytes show the architecture; other files leave it open."""
    assert kernel_architecture(bytes(at) + mark) == name
    assert kernel_architecture(make_zimage(b"")) == "arm"
    assert kernel_architecture(bytes(at)) == ""


@pytest.mark.parametrize("arch", ["x86_64", "arm"])
def test_only_the_board_s_own_architecture_starts(tmp_path, arch):
    """A kernel of another architecture is refused by name; one of this architecture is taken."""
    path = tmp_path / "zImage"
    path.write_bytes(make_zimage(b"kernel"))
    files = BootFiles(Image("zImage", path, path))
    if arch == "arm":
        kernel, complete = prepare_direct(machine(arch), None, files, None, None, print)
        assert (kernel.kernel, kernel.on_disk, complete) == (path, False, False)
        return
    with pytest.raises(DeployError, match=r"zImage: a kernel for arm, and vm .*x86_64"):
        prepare_direct(machine(arch), None, files, None, None, print)


def test_boards_whose_kernels_qemu_starts():
    """QEMU starts kernels of emulated boards; a real board with a card cannot deploy them."""
    assert unsupported_reason(machine("x86_64"), "kernel") is None
    real = Device("b", "panda", deploy=Deploy(method="media", path="/dev/null"))
    assert "cannot deploy kernels" in unsupported_reason(real, "kernel")
