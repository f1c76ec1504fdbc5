"""The boot loader in partition 1 of a card, where the boot ROM of OMAP reads it.

The ROM loads MLO, the second stage (U-Boot's SPL or X-Loader). MLO loads U-Boot
from the FAT of partition 1, even if MLO itself is in another partition.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import DeployError
from .fat_make import SECTOR, Geometry, make_fat16

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from .fat import FatVolume

FIRST = "MLO"
U_BOOT = ("u-boot.img", "u-boot.bin")  # as SPL names it, as X-Loader names it
LABEL = "boot"
GEOMETRY = Geometry(4, 4096)  # 8 MiB and tables, ten times the size of Debian's boot loaders


def read_files(boot: FatVolume) -> dict[str, bytes]:
    """Return the boot loader files in `boot` by name, MLO first."""
    found = {}
    for name in (FIRST, *U_BOOT):
        try:
            found[name] = boot.read(name, GEOMETRY.size)
        except FileNotFoundError:
            continue
    return found


def list_missing(found: Collection[str]) -> tuple[str, ...]:
    """Return the boot loader files that are not in `found`."""
    lacks = [] if FIRST in found else [FIRST]
    if not any(name in found for name in U_BOOT):
        lacks.append(" or ".join(U_BOOT))
    return tuple(lacks)


def make_volume(content: Mapping[str, bytes], start: int) -> bytes:
    """Return a FAT of `GEOMETRY.size` bytes with these files, for byte `start` of a card.

    Raise `DeployError` if they do not fit.
    """
    try:
        return make_fat16(content, LABEL, start // SECTOR, GEOMETRY)
    except ValueError:
        names = ", ".join(content)
        raise DeployError(
            f"the image's {names} do not fit into partition 1 of the card, which has "
            f"{GEOMETRY.size >> 20} MiB for the boot loader: set deploy.layout: image"
        ) from None
