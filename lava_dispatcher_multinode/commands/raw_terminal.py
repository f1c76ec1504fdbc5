"""This process's terminal in raw mode, for the console of a board."""

from __future__ import annotations

import os
import termios
import tty
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from .exit_codes import print_stderr

if TYPE_CHECKING:
    from collections.abc import Iterator

LEAVE_KEY = b"\x1d"  # Ctrl-]
CHUNK_BYTES = 65536


@contextmanager
def raw_terminal() -> Iterator[None]:
    """Set standard input to raw mode if it is a terminal; restore it afterwards."""
    if not os.isatty(0):
        yield
        return
    before = termios.tcgetattr(0)
    try:
        tty.setraw(0)
        yield
    finally:
        with suppress(termios.error, OSError):  # the terminal was closed
            termios.tcsetattr(0, termios.TCSADRAIN, before)
        print_stderr("")


def write_all(data: bytes, descriptor: int = 1) -> None:
    """Write all of `data` to a descriptor, by default standard output."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
