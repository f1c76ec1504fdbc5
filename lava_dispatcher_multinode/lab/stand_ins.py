"""Stand-ins: simulated boards of device types that describe no simulated firmware.

The layer of a stand-in is `defaults/stand-ins/BOOTLOADER.yaml`.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..job.source import load

if TYPE_CHECKING:
    from collections.abc import Mapping

DIRECTORY = Path(__file__).parent / "defaults" / "stand-ins"
DEFAULT = "u-boot"


def stand_in(merged: Mapping[str, Any]) -> dict[str, Any]:
    """Return the layer that lets a stand-in take the place of a board with the keys `merged`.

    It has the boot loader of the board, if there is such a stand-in, and its first prompt.
    """
    loader = merged.get("bootloader", DEFAULT)
    layer = _layers()[loader if loader in _layers() else DEFAULT]
    prompts = merged.get("boot", {}).get("prompts")
    firmware = {**layer["simulated_firmware"], **({"prompt": prompts[0]} if prompts else {})}
    return {**layer, "simulated_firmware": firmware}


@cache
def _layers() -> Mapping[str, dict[str, Any]]:
    return {path.stem: load(path).data for path in sorted(DIRECTORY.glob("*.yaml"))}
