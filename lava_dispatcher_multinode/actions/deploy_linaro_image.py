"""`deploy_linaro_image`: write a disk image to the board."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from ..errors import DeployError, ImageError
from ..images.store import Image
from ..images.terms import TERMS, Terms
from ..qemu.root_disk import as_disk
from .deploy_action import DeployAction
from .overlay import make_bundle

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .context import Node

MAX_PLACEHOLDER_BYTES = 8 << 20  # larger files are not examined


class DeployLinaroImage(DeployAction):
    """Fetches the image once for all boards of the run, and writes it to the board."""

    parameters_schema: ClassVar[Mapping[str, Any]] = {
        "type": "object",
        "required": ["image"],
        "additionalProperties": False,
        "properties": {
            "image": {
                "type": "string",
                "minLength": 1,
                "description": "Disk image, plain or compressed (.gz, .bz2, .xz, .zst); a path "
                "relative to the job, file://, http(s):// or scp://. Boards in QEMU also take "
                "qcow2, squashfs, a tar archive and a directory.",
            },
            "image_sha256": {
                "type": "string",
                "pattern": "^[0-9a-fA-F]{64}$",
                "description": "SHA-256 of the file as downloaded, 64 hex digits.",
            },
            "rootfstype": {
                "type": "string",
                "description": "Accepted for jobs of 2013 and ignored.",
            },
        },
    }
    kind = "image"
    files = ("image",)
    directories = True  # for boards in QEMU; the image reader refuses one for others

    def deploy(self, node: Node, parameters: Mapping[str, Any]) -> None:
        """Deploy `image` to the node's board."""
        image = node.services.images.get(
            parameters["image"],
            base=node.job.directory,
            deadline=node.deadline,
            step=node.step,
            terms=_terms(parameters),
        )
        if node.board.device.connection.qemu is not None:
            image = as_disk(image, node.deadline, node.step)
            image = _bootable(image, node, parameters["image"])
        node.booted = False
        try:
            node.overlay_in_image = node.board.deploy(
                image, node.services.servers, node.deadline, make_bundle(node)
            )
        except ImageError:
            raise  # it names the image already
        except DeployError as error:
            raise DeployError(f"{parameters['image']}: {error}") from error


def _terms(parameters: Mapping[str, Any]) -> Terms:
    """Return the download terms of a LAVA block, or those of this package's own jobs."""
    own = Terms({key: parameters[key] for key in ("image_sha256",) if key in parameters})
    terms: Terms = parameters.get(TERMS, {}).get("image", own)
    return terms


def _bootable(image: Image, node: Node, name: str) -> Image:
    """Return `image`, or the test image if `image` is a placeholder that QEMU cannot boot."""
    from ..images.example_images import is_placeholder
    from ..qemu.test_image.image_cache import cached_image

    if image.path.stat().st_size > MAX_PLACEHOLDER_BYTES:
        return image
    if not is_placeholder(image.unpacked(node.deadline, node.step)):
        return image
    real = cached_image(node.step)
    text = f"{name} is for simulated boards only; deploying the test image instead: {real}"
    node.log("WARNING", text)
    return Image(str(real), real, real)
