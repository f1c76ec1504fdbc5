"""A console whose board is the test: the other side of a pty."""

from __future__ import annotations

import os
import time
import tty
from dataclasses import dataclass
from pathlib import Path

import pytest

from lava_dispatcher_multinode.console.console import Console
from lava_dispatcher_multinode.console.transcript import Transcript
from lava_dispatcher_multinode.console.transport import DescriptorTransport


@dataclass
class Wire:
    """A console, and the board's end of its line."""

    console: Console
    board: int  # file descriptor
    directory: Path

    def print(self, data: bytes) -> None:
        """Have the board print."""
        os.write(self.board, data)

    def typed(self, count: int) -> bytes:
        """Return the next `count` bytes that the dispatcher typed."""
        data = b""
        while len(data) < count:
            data += os.read(self.board, count - len(data))
        return data

    def read_all(self, count: int, timeout: float = 10.0) -> bytes:
        """Read `count` bytes from the console."""
        data, deadline = b"", time.monotonic() + timeout
        while len(data) < count and time.monotonic() < deadline:
            data += self.console.read(1.0)
        return data


@pytest.fixture
def wire(tmp_path):
    """A console on one end of a pty, the test on the other."""
    master, slave = os.openpty()
    tty.setraw(slave)
    started = time.monotonic()
    transcript = Transcript(tmp_path / "node", lambda: time.monotonic() - started)
    console = Console(DescriptorTransport(slave, "board01: console test"), transcript)
    made = Wire(console, master, tmp_path / "node")
    yield made
    console.close()
    if made.board >= 0:
        os.close(made.board)
