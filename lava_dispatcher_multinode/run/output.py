"""The directory that a run writes to."""

from __future__ import annotations

import re
import time
from pathlib import Path

from ..errors import InvalidJob, Problem

RUNS = Path("lava-runs")
LATEST = "latest"


def prepare(directory: Path | None, job_name: str, job: str = "{}") -> Path:
    """Make the output directory, with `job` as its job.json, and return it.

    Without one a new one is made below `lava-runs`, and `latest` beside it
    points there. Raise `InvalidJob` where that cannot be done.
    """
    try:
        made = directory or _new(job_name)
        made.mkdir(parents=True, exist_ok=True)
        (made / "nodes").mkdir(exist_ok=True)
        (made / "job.json").write_text(job + "\n")
        if directory is None:
            _point(RUNS / LATEST, made.name)
    except OSError as error:
        raise InvalidJob(
            [
                Problem(
                    str(error.filename or directory),
                    0,
                    0,
                    f"cannot be the output directory: {error.strerror}",
                    "--output-dir names another",
                )
            ]
        ) from error
    return made


def _new(job_name: str) -> Path:
    name = re.sub(r"[^A-Za-z0-9_.-]+", "-", job_name).strip("-.")[:60] or "job"
    stem = f"{time.strftime('%Y%m%dT%H%M%S')}-{name}"
    RUNS.mkdir(exist_ok=True)
    number = 1
    while True:
        path = RUNS / (stem if number == 1 else f"{stem}-{number}")
        try:
            path.mkdir()  # two commands in one second get one each
        except FileExistsError:
            number += 1
        else:
            return path


def _point(link: Path, target: str) -> None:
    temporary = link.with_name(f".{target}.link")
    temporary.symlink_to(target)
    temporary.replace(link)
