"""Paths on a board, shared by the dispatcher and the on-board scripts."""

from __future__ import annotations

import re
import shlex

from ..errors import InvalidJob

MAX_DEPTH = 64  # nested directories in a definition's files

_JOB_ID = re.compile(r"[A-Za-z0-9_.-]{1,64}")


def board_directory(job_id: str) -> str:
    """Return the directory on the board that contains a job's overlay.

    The job's ID is part of paths and of command lines sent to a console, so
    anything but a plain word raises `InvalidJob`.
    """
    if not _JOB_ID.fullmatch(job_id):
        hint = "use at most 64 letters, digits, '.', '_' and '-'"
        raise InvalidJob.about("--job-id", f"invalid job ID: {job_id!r}", hint)
    return f"/lava-{job_id}"


def runner_command(job_id: str, stage: int, root: str = "") -> str:
    """Return the shell command that runs the definitions of `stage` on a board.

    `root` is the prefix of the board's directory, if that is not its root.
    """
    directory = shlex.quote(root + board_directory(job_id))
    return f"{directory}/bin/lava-test-runner {directory}/{stage}"


def run_name(index: int, name: str) -> str:
    """Return the name of a definition's run and directory: its number, then its name.

    Signals are split at blanks and file names at slashes, so only characters that
    are safe in both are kept.
    """
    return f"{index}_{re.sub(r'[^A-Za-z0-9_.-]+', '-', name)[:100]}"
