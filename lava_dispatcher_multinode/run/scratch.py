"""Directories for the length of a run."""

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

    from .supervisor.guard import Guard

LIMIT = 60.0  # seconds for a tree that is too deep for Python


@contextmanager
def scratch(guard: Guard | None) -> Iterator[Path]:
    """Give a directory that is gone afterwards, also if we die and there is a `guard`."""
    _find_place()
    directory = Path(tempfile.gettempdir(), f"lava-{secrets.token_hex(8)}")
    try:
        if guard is not None:
            guard.remove(directory)  # before it is there: we may be killed in between
        directory.mkdir(mode=0o700)
        yield directory
    finally:
        remove(directory)


def _find_place() -> None:
    """Spare Python to try the place for temporary files with one that it writes and removes.

    It would stay if we were killed just then. Where the place may not do, Python has to
    look for another one.
    """
    named = (os.environ.get(name) for name in ("TMPDIR", "TEMP", "TMP"))
    place = Path(next(filter(None, named), "/tmp")).absolute()  # noqa: S108 - Python's selection
    with suppress(OSError):
        if os.access(place, os.W_OK | os.X_OK) and os.statvfs(place).f_bavail:
            tempfile.tempdir = tempfile.tempdir or str(place)


def remove(directory: Path) -> None:
    """Remove a directory with all that is in it, as far as that can be done.

    A repository, or a test on a board, may have made directories in directories without end,
    and some that allow nothing.
    """
    with suppress(RecursionError):
        shutil.rmtree(directory, ignore_errors=True)
    if directory.exists():
        for words in (["chmod", "-R", "u+rwx", "--"], ["rm", "-rf", "--"]):
            with suppress(OSError, subprocess.TimeoutExpired):
                subprocess.run(
                    [*words, directory], stderr=subprocess.DEVNULL, check=False, timeout=LIMIT
                )
