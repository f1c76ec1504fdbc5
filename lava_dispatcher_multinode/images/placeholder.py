"""Images that only simulated boards boot: what the examples and `init` come with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import DeployError
from . import mbr, uimage
from .example_images import KERNEL_NAME
from .fat import FatVolume

if TYPE_CHECKING:
    from pathlib import Path


def is_placeholder(image: Path) -> bool:
    """Whether the kernel in the image's boot partition is the one that there is none of."""
    try:
        with image.open("rb") as disk:
            boot = next(part for part in mbr.read(disk) if part.number == 1)
            start = FatVolume(disk, boot.start, boot.size).read("uImage", uimage.HEADER)
            header = uimage.parse(start)
    except (DeployError, OSError, ValueError, StopIteration):
        return False  # whoever writes the image says what is wrong with it
    return header is not None and header.name == KERNEL_NAME
