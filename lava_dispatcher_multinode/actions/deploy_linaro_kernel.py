"""`deploy_linaro_kernel`: boot files over the network by TFTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from ..boards.deploy.tftp_boot import BootFiles
from ..errors import DeployError
from ..images.terms import NO_TERMS, TERMS
from .deploy_action import DeployAction
from .overlay import make_bundle

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ..errors import Problem
    from ..job.model import ActionSpec
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
            "kernel": {**_FILE, "description": "Kernel: zImage, uImage or FIT image."},
            "ramdisk": {
                **_FILE,
                "description": "Initial RAM disk, with or without U-Boot's header.",
            },
            "dtb": {**_FILE, "description": "Device tree blob."},
            "rootfs": {
                **_FILE,
                "description": "Root file system; rejected: use a ramdisk.",
            },
        },
    }
    kind = "kernel"
    files = ("kernel", "ramdisk", "dtb")

    def deploy(self, node: Node, parameters: Mapping[str, Any]) -> None:
        """Fetch the files once for all boards of the run, and publish them for this board."""
        if "rootfs" in parameters:
            raise DeployError(NO_ROOTFS)
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
        node.booted = False
        node.overlay_in_image = node.board.deploy_kernel(
            BootFiles(**files), node.services.servers, make_bundle(node)
        )

    def check_own_board(self, spec: ActionSpec) -> Iterable[Problem]:
        """Refuse a root file system over the network."""
        return [spec.position("rootfs").problem(NO_ROOTFS)] if "rootfs" in spec.parameters else []
