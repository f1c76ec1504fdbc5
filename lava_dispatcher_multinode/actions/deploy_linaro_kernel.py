"""`deploy_linaro_kernel`: boot files over the network; no board here can do it yet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from ..errors import DeployError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .node import Node

_FILE = {"type": "string", "minLength": 1}


class DeployLinaroKernel:
    """The parameters of 2013; no board here can fetch over TFTP yet."""

    parameters_schema: ClassVar[Mapping[str, Any]] = {
        "type": "object",
        "required": ["kernel"],
        "additionalProperties": False,
        "properties": {
            "kernel": {**_FILE, "description": "Kernel image."},
            "ramdisk": {**_FILE, "description": "Initial RAM disk."},
            "dtb": {**_FILE, "description": "Device tree blob."},
            "rootfs": {**_FILE, "description": "Root file system."},
        },
    }

    def run(self, node: Node, parameters: Mapping[str, Any]) -> None:
        """Refuse, with the way that there is."""
        raise DeployError(
            f"{node.name}: deploying {parameters['kernel']} over TFTP is not supported yet: "
            "use deploy_linaro_image with an image that holds the kernel"
        )
