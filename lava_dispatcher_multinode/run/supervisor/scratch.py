"""Temporary directories of a run."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .supervisor import Supervisor

REMOVE_TIMEOUT_S = 60.0  # for rm, where a tree is too deep for Python


@contextmanager
def scratch(supervisor: Supervisor | None) -> Iterator[Path]:
    """Yield a new directory and remove it afterwards.

    With a `supervisor` it is removed even if this process dies.
    """
    _choose_temporary_directory()
    directory = Path(tempfile.gettempdir(), f"lava-{secrets.token_hex(8)}")
    try:
        if supervisor is not None:
            supervisor.add_scratch(directory)  # first: a kill may come in between
        directory.mkdir(mode=0o700)
        yield directory
    finally:
        remove(directory)


def _choose_temporary_directory() -> None:
    """Set tempfile.tempdir, so that Python does not probe it with a file.

    That file would stay if this process were killed just then. Python chooses another
    directory if this one is not writable or full.
    """
    named = (os.environ.get(name) for name in ("TMPDIR", "TEMP", "TMP"))
    place = Path(next(filter(None, named), "/tmp")).absolute()  # noqa: S108 - Python's selection
    with suppress(OSError):
        if os.access(place, os.W_OK | os.X_OK) and os.statvfs(place).f_bavail:
            tempfile.tempdir = tempfile.tempdir or str(place)


def remove(directory: Path) -> None:
    """Remove a directory tree as far as possible; errors are ignored.

    A repository or a test may have created very deep trees, or directories without permissions.
    """
    with suppress(RecursionError):
        shutil.rmtree(directory, ignore_errors=True)
    if directory.exists():
        for words in (["chmod", "-R", "u+rwx", "--"], ["rm", "-rf", "--"]):
            with suppress(OSError, subprocess.TimeoutExpired):
                subprocess.run(
                    [*words, directory],
                    stderr=subprocess.DEVNULL,
                    check=False,
                    timeout=REMOVE_TIMEOUT_S,
                )
