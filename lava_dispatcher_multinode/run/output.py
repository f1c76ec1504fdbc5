"""The directory that a run writes to."""

from __future__ import annotations

import fcntl
import json
import os
import re
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import InvalidJob
from ..redaction import without_logins

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

RUNS = Path("lava-runs")
LATEST = "latest"


@contextmanager
def output_directory(
    directory: Path | None,
    job_name: str,
    job: object,
    *,
    locked: Callable[[int], None] = lambda _: None,
) -> Iterator[Path]:
    """Give the output directory, with `job` as its job.json, to one run at a time.

    `job` is the document as it was read; its passwords are left out. Without
    `directory` a new one is made below `lava-runs`, and `latest` beside it points
    there. What a run before left of its boards' consoles goes. Raise `InvalidJob`
    where that cannot be done.
    """
    with ExitStack() as stack:
        try:
            made = directory or _new(job_name)
            made.mkdir(parents=True, exist_ok=True)
            descriptor = _locked(made)
            stack.callback(os.close, descriptor)
            locked(descriptor)
            (made / "nodes").mkdir(exist_ok=True)
            for console in made.glob("nodes/*/console.*"):
                console.unlink()
            text = json.dumps(without_logins(job), indent=1, default=str)
            (made / "job.json").write_text(text + "\n")
            if directory is None:
                _point(RUNS / LATEST, made.name)
        except BlockingIOError:
            raise _unfit(str(made), "another run is writing to it") from None
        except OSError as error:
            name, reason = str(error.filename or directory), error.strerror or str(error)
            raise _unfit(name, reason) from error
        yield made


def _locked(directory: Path) -> int:
    """Return a descriptor that keeps other runs out for as long as it is open."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _unfit(name: str, reason: str) -> InvalidJob:
    message = f"cannot be the output directory: {reason}"
    return InvalidJob.about(name, message, "--output-dir names another")


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
