"""The boot loader on a card's first partition, where OMAP's boot ROM and second stage read it.

The ROM loads MLO, the second stage. That one, U-Boot's SPL or X-Loader, loads
U-Boot from the FAT of partition 1, whichever partition it came from itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import DeployError
from .fat_make import SECTOR, Geometry, make_fat16

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from .fat import FatVolume

FIRST = "MLO"
U_BOOT = ("u-boot.img", "u-boot.bin")  # SPL's name of it, and X-Loader's
LABEL = "boot"
GEOMETRY = Geometry(4, 4096)
SIZE = GEOMETRY.size  # 8 MiB and its tables, ten times what Debian's boot loaders take


def files(boot: FatVolume) -> dict[str, bytes]:
    """Return those files of the boot loader that `boot` has; MLO is the first."""
    found = {}
    for name in (FIRST, *U_BOOT):
        try:
            found[name] = boot.read(name, SIZE)
        except FileNotFoundError:
            continue
    return found


def missing(found: Collection[str]) -> tuple[str, ...]:
    """Return what a board lacks that has no boot loader but `found`."""
    lacks = [] if FIRST in found else [FIRST]
    if not any(name in found for name in U_BOOT):
        lacks.append(" or ".join(U_BOOT))
    return tuple(lacks)


def volume(content: Mapping[str, bytes], start: int) -> bytes:
    """Return a FAT of `SIZE` bytes with these files, for byte `start` of a card."""
    try:
        return make_fat16(content, LABEL, start // SECTOR, GEOMETRY)
    except ValueError:
        names = ", ".join(content)
        raise DeployError(
            f"the image's {names} do not fit into partition 1 of the card, which has {SIZE >> 20} "
            "MiB for the boot loader: set deploy.layout: image"
        ) from None
