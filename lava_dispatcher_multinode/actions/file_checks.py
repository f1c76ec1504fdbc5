"""Checks of the files that deploy actions name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import DeployError
from ..images.store import local_path, locate

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ..errors import Problem
    from ..job.model import ActionSpec
    from .action import CheckContext


def check_files(
    spec: ActionSpec, names: Iterable[str], context: CheckContext
) -> Iterator[Problem]:
    """Yield the problems of the files under the parameters `names`; URLs are not fetched.

    A missing file is only a warning if the job is not about to run here: the lab may be on
    another machine.
    """
    for name in names:
        if name not in spec.parameters:
            continue
        at = spec.position(name)
        try:
            path = local_path(locate(spec.parameters[name], context.job.directory))
        except DeployError as error:
            yield at.problem(str(error))
            continue
        if path is None or path.is_file():
            continue
        if path.exists():
            yield at.problem(f"not a regular file ({name}): {path}")
        else:
            text = f"no such {name} on this machine: {path}"
            yield at.problem(text, warning=not context.run_here)
