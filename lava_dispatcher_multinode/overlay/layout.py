"""Where things are on a board: the paths that dispatcher and scripts agree on."""

from __future__ import annotations

import re
import shlex

from ..errors import InvalidJob

MAX_DEPTH = 64  # directories in each other, of what goes with a definition

_JOB_ID = re.compile(r"[A-Za-z0-9_.-]{1,64}")


def board_directory(job_id: str) -> str:
    """Return the directory of everything that a job puts on a board.

    The id of a job is part of paths and of command lines typed at a console,
    so anything but a plain word is an `InvalidJob`.
    """
    if not _JOB_ID.fullmatch(job_id):
        hint = "letters, digits, '.', '_' and '-', at most 64 of them"
        raise InvalidJob.about("--job-id", f"{job_id!r} cannot be a job's id", hint)
    return f"/lava-{job_id}"


def runner_command(job_id: str, stage: int, root: str = "") -> str:
    """Return what is typed at a board's shell to run the definitions of `stage`.

    `root` is what comes before the board's directory, where that is not its root.
    """
    directory = shlex.quote(root + board_directory(job_id))
    return f"{directory}/bin/lava-test-runner {directory}/{stage}"


def run_name(index: int, name: str) -> str:
    """Return the name of a definition's run and directory: its place, then its name.

    Signals are split at blanks and file names at slashes, so a name keeps
    only what is safe in both.
    """
    return f"{index}_{re.sub(r'[^A-Za-z0-9_.-]+', '-', name)[:100]}"
