"""`deploy_linaro_kernel`: the files are fetched and published, and the board must boot again."""

from __future__ import annotations

import pytest

from lava_dispatcher_multinode.actions.deploy_linaro_kernel import DeployLinaroKernel
from lava_dispatcher_multinode.errors import DeployError
from lava_dispatcher_multinode.lab.deploy_sections import Deploy, Tftp

TFTP = Deploy("tftp", tftp=Tftp(host="10.0.0.1", kernel="0x1"))


def test_the_files_go_to_the_board(make_node, tmp_path):
    """The named files, unchanged: U-Boot and the kernel decompress them."""
    for name in ("zImage", "root.cpio.gz"):
        (tmp_path / name).write_bytes(name.encode())
    node = make_node(deploy=TFTP)
    node.booted = True
    asked = []
    node.board.deploy_kernel = lambda files, servers, deadline, bundle: asked.append(files)
    DeployLinaroKernel().run(node, {"kernel": "zImage", "ramdisk": "root.cpio.gz"})
    (files,) = asked
    assert files.kernel.path == tmp_path / "zImage"
    assert files.ramdisk.path == tmp_path / "root.cpio.gz"
    assert files.dtb is None
    assert not node.booted


def test_a_board_that_keeps_what_it_has_is_left_alone(make_node, events):
    """deploy.method none: nothing is fetched, and the log says so."""
    DeployLinaroKernel().run(make_node(deploy=Deploy(method="none")), {"kernel": "nowhere"})
    assert "keeps what is on it" in events[-1][1]["text"]


def test_what_cannot_be_done_is_refused(make_node):
    """The wrong deploy method, and a root file system that needs NFS."""
    with pytest.raises(DeployError, match=r"set deploy\.method to 'tftp'"):
        DeployLinaroKernel().run(make_node(), {"kernel": "zImage"})
    node = make_node(deploy=TFTP)
    with pytest.raises(DeployError, match="put the root file system into the ramdisk"):
        DeployLinaroKernel().run(node, {"kernel": "zImage", "rootfs": "x"})
