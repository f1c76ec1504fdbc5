"""`deploy_linaro_kernel`: boot files over the network by TFTP, or from QEMU."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from ..boards.deploy.support import starts_kernels
from ..boards.deploy.tftp_boot import BootFiles
from ..images.terms import NO_TERMS, TERMS
from ..qemu.root_disk import as_disk
from .deploy_action import DeployAction
from .overlay import make_bundle

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..lab.device_model import Device
    from .context import Node

NO_ROOTFS = (
    "rootfs: a root file system over the network needs NFS, which this dispatcher lacks: "
    "put the root file system into the ramdisk, or deploy an image"
)
_FILE = {"type": "string", "minLength": 1}


class DeployLinaroKernel(DeployAction):
    """Serves kernel, ramdisk and device tree to the board's boot loader, which fetches them."""

    parameters_schema: ClassVar[Mapping[str, Any]] = {
        "type": "object",
        "required": ["kernel"],
        "additionalProperties": False,
        "properties": {
            "kernel": {
                **_FILE,
                "description": "Kernel: zImage, uImage or FIT image; for boards in QEMU: "
                "what `-kernel` of QEMU accepts.",
            },
            "ramdisk": {
                **_FILE,
                "description": "Initial RAM disk, with or without U-Boot's header.",
            },
            "dtb": {**_FILE, "description": "Device tree blob."},
            "rootfs": {
                **_FILE,
                "description": "Root file system, for boards in QEMU: as `image` of "
                "`deploy_linaro_image`. Rejected for others: use a ramdisk.",
            },
        },
    }
    kind = "kernel"
    files = ("kernel", "ramdisk", "dtb", "rootfs")

    def deploy(self, node: Node, parameters: Mapping[str, Any]) -> None:
        """Fetch the files once for all boards of the run, and publish them for this board."""
        terms = parameters.get(TERMS, {})
        files = {
            name: node.services.images.get(
                parameters[name],
                base=node.job.directory,
                deadline=node.deadline,
                step=node.step,
                terms=terms.get(name, NO_TERMS),
            )
            for name in self.files
            if name in parameters
        }
        if "rootfs" in files:
            files["rootfs"] = as_disk(files["rootfs"], node.deadline, node.step)
        node.booted = False
        node.overlay_in_image = node.board.deploy_kernel(
            BootFiles(**files), node.services.servers, node.deadline, make_bundle(node)
        )

    def unsupported_reason(self, device: Device, parameters: Mapping[str, Any]) -> str | None:
        """Refuse a root file system over the network, also."""
        if "rootfs" in parameters and not starts_kernels(device):
            return NO_ROOTFS
        return super().unsupported_reason(device, parameters)
