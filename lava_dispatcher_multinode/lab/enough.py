"""Whether a lab has the boards for a job at all, free or not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import BoardsUnavailable, InvalidJob
from .allocation import BoardsMissing, assign

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .allocation import Requirement
    from .files import Lab


def check_enough(lab: Lab, needed: Sequence[Requirement]) -> None:
    """Return if enough boards exist.

    Raises `InvalidJob` with what is wrong with a device file where that may
    be the reason, `BoardsUnavailable` otherwise.
    """
    try:
        assign(needed, lab.devices)
    except BoardsMissing as missing:
        problems = [
            problem
            for name, broken in sorted(lab.broken.items())
            if any(
                name == requirement.device
                or (
                    requirement.device is None
                    and broken.device_type in {None, requirement.device_type}
                )
                for requirement in missing.requirements
            )
            for problem in broken.error.problems
        ]
        if problems:
            raise InvalidJob(sorted(set(problems))) from missing
        if lab.devices:
            raise
        searched = ", ".join(str(directory / "devices") for directory in lab.searched[1:])
        raise BoardsUnavailable(
            f"no devices are configured (looked in {searched}): "
            "'lava-multinode init' writes a first device file; --simulate needs none"
        ) from missing
