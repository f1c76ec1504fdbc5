"""Whether a lab has the boards for a job at all, free or not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import BoardsUnavailable, InvalidJob
from .allocation import BoardsMissing, assign

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..errors import Problem
    from .allocation import Requirement
    from .device_files import Lab


def check_enough(lab: Lab, needed: Sequence[Requirement]) -> None:
    """Return if enough boards exist.

    Raises `InvalidJob` with what is wrong with a device file where that may
    be the reason, `BoardsUnavailable` otherwise.
    """
    try:
        assign(needed, lab.devices)
    except BoardsMissing as missing:
        sure = _broken(lab, missing, certain=True)
        if sure:
            raise InvalidJob(sure) from missing
        if lab.devices or lab.broken:
            maybe = _broken(lab, missing, certain=False)
            if maybe:
                listed = "".join(f"\n    {problem}" for problem in maybe)
                text = f"{missing}; these files are not counted:{listed}"
                raise BoardsMissing(text, missing.requirements) from missing
            raise
        searched = ", ".join(str(directory / "devices") for directory in lab.searched[1:])
        raise BoardsUnavailable(
            f"no devices are configured (looked in {searched}): "
            "'lava-multinode init' writes a first device file; --simulate needs none"
        ) from missing


def _broken(lab: Lab, missing: BoardsMissing, *, certain: bool) -> list[Problem]:
    """Return what is wrong with the device files that would have served.

    `certain`: those known to be of the device or type that is missing;
    otherwise those of which not even the type is known.
    """
    wanted = missing.requirements
    names = {r.device for r in wanted if r.device is not None}
    types = {r.device_type for r in wanted if r.device is None}
    found: set[Problem] = set()
    for name, broken in lab.broken.items():
        known = name in names or (broken.device_type is not None and broken.device_type in types)
        if known if certain else broken.device_type is None:
            found |= set(broken.error.problems)
    return sorted(found)
