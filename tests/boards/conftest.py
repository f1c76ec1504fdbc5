"""Consoles with a real shell at the other end."""

from __future__ import annotations

import time

import pytest

from lava_dispatcher_multinode.console.console import Console
from lava_dispatcher_multinode.console.open import open_console
from lava_dispatcher_multinode.console.transcript import Transcript
from lava_dispatcher_multinode.lab.device import Connection


@pytest.fixture
def console_of(tmp_path):
    """A function that opens a console on a shell command; closed at the end."""
    consoles = []

    def make(command):
        started = time.monotonic()
        transcript = Transcript(tmp_path / f"node{len(consoles)}", lambda: time.monotonic() - started)
        console = Console(open_console(Connection(command=command), "board01"), transcript)
        consoles.append(console)
        return console

    yield make
    for console in consoles:
        console.close()
