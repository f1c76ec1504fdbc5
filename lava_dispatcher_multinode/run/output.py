"""The run directory."""

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

RUNS_DIRECTORY = Path("lava-runs")
LATEST_LINK = "latest"


@contextmanager
def output_directory(
    directory: Path | None,
    job_name: str,
    job: object,
    *,
    locked: Callable[[int], None] = lambda _: None,
) -> Iterator[Path]:
    """Lock the run directory and yield it, with `job` as job.json.

    `job` is the document as it was read; its passwords are redacted. `locked` gets the
    descriptor of the lock. Without `directory`, create one in `lava-runs` and let the link
    `latest` point to it. Remove the consoles of an earlier run. Raise `InvalidJob` if the
    directory cannot be used.
    """
    with ExitStack() as stack:
        try:
            run_directory = directory or _create(job_name)
            run_directory.mkdir(parents=True, exist_ok=True)
            descriptor = _lock(run_directory)
            stack.callback(os.close, descriptor)
            locked(descriptor)
            (run_directory / "nodes").mkdir(exist_ok=True)
            for console in run_directory.glob("nodes/*/console.*"):
                console.unlink()
            text = json.dumps(without_logins(job), indent=1, default=str)
            (run_directory / "job.json").write_text(text + "\n")
            if directory is None:
                _replace_link(RUNS_DIRECTORY / LATEST_LINK, run_directory.name)
        except BlockingIOError:
            raise _unusable(str(run_directory), "another run is writing to it") from None
        except OSError as error:
            name, reason = str(error.filename or directory), error.strerror or str(error)
            raise _unusable(name, reason) from error
        yield run_directory


def _lock(directory: Path) -> int:
    """Return a descriptor that locks `directory` for as long as it is open."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _unusable(name: str, reason: str) -> InvalidJob:
    message = f"cannot be used as the output directory: {reason}"
    return InvalidJob.about(name, message, "choose another one with --output-dir")


def _create(job_name: str) -> Path:
    name = re.sub(r"[^A-Za-z0-9_.-]+", "-", job_name).strip("-.")[:60] or "job"
    stem = f"{time.strftime('%Y%m%dT%H%M%S')}-{name}"
    RUNS_DIRECTORY.mkdir(exist_ok=True)
    number = 1
    while True:
        path = RUNS_DIRECTORY / (stem if number == 1 else f"{stem}-{number}")
        try:
            path.mkdir()  # another run may have the same name in this second
        except FileExistsError:
            number += 1
        else:
            return path


def _replace_link(link: Path, target: str) -> None:
    temporary = link.with_name(f".{target}.link")
    temporary.symlink_to(target)
    temporary.replace(link)
