"""`deploy_linaro_kernel`: boot files over the network by TFTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from ..boards.deploy.support import unsupported_reason
from ..boards.deploy.tftp_boot import BootFiles
from ..errors import DeployError
from ..images.terms import NO_TERMS, TERMS
from ..job.model import Calls
from .action import Action
from .file_checks import check_files
from .overlay import make_bundle

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ..errors import Problem
    from ..job.model import ActionSpec
    from ..lab.device_model import Device
    from .action import CheckContext, LavaWriter
    from .context import Node

FILES = ("kernel", "ramdisk", "dtb")
NO_ROOTFS = (
    "rootfs: a root file system over the network needs NFS, which this dispatcher lacks: "
    "put the root file system into the ramdisk, or deploy an image"
)
_FILE = {"type": "string", "minLength": 1}


class DeployLinaroKernel(Action):
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
                "description": "Root file system; refused: put it into the ramdisk.",
            },
        },
    }
    calls = Calls.NONE

    def run(self, node: Node, parameters: Mapping[str, Any]) -> None:
        """Fetch the files once for all boards of the run, and publish them for this board."""
        if node.board.device.deploy.method == "none":
            node.log("INFO", "deploy.method is none: the board boots what is on it")
            return
        if reason := self.unsupported_reason(node.board.device):
            raise DeployError(reason)
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
            for name in FILES
            if name in parameters
        }
        node.booted = False
        node.overlay_in_image = node.board.deploy_kernel(
            BootFiles(**files), node.services.servers, make_bundle(node)
        )

    def check(self, spec: ActionSpec, context: CheckContext) -> Iterable[Problem]:
        """Return the problems of the files to deploy."""
        return check_files(spec, FILES, context)

    def check_own_board(self, spec: ActionSpec) -> Iterable[Problem]:
        """Refuse a root file system over the network."""
        return [spec.position("rootfs").problem(NO_ROOTFS)] if "rootfs" in spec.parameters else []

    def unsupported_reason(self, device: Device) -> str | None:
        """Return why the device's `deploy.method` cannot deploy the files; None if it can."""
        return unsupported_reason(device, "kernel")

    def export(self, spec: ActionSpec, writer: LavaWriter) -> None:
        """Write a deploy block."""
        writer.deploy(spec, "kernel")
