"""QEMU, and a lab of boards with empty cards, which start up to the prompt of U-Boot."""

from __future__ import annotations

import os
import select
import time

import pytest

from lava_dispatcher_multinode.lab.device_model import Device
from lava_dispatcher_multinode.lab.device_sections import ConsoleConnection, QemuMachine
from lava_dispatcher_multinode.qemu.qemu_lab import EmulatedLab

from ..needs import require


@pytest.fixture(scope="session")
def qemu():
    """Skip the test without QEMU and its U-Boot."""
    require("qemu-system-arm", "u-boot-qemu")


@pytest.fixture
def lab(tmp_path, qemu):
    """A lab without boards."""
    with EmulatedLab(tmp_path) as lab:
        yield lab


@pytest.fixture
def emulated():
    """A function that returns the device of an emulated board."""

    def describe(name="panda01", **settings):
        return Device(name, "panda", connection=ConsoleConnection(qemu=QemuMachine(**settings)))

    return describe


class Listener:
    """Reads the console of a board and types at it."""

    def __init__(self, console):
        self.descriptor = os.open(console, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        self.heard = b""

    def until(self, text, seconds=60):
        """Return the output up to and including `text`."""
        end = time.monotonic() + seconds
        while text not in self.heard:
            left = end - time.monotonic()
            assert left > 0, self.heard
            if select.select([self.descriptor], [], [], left)[0]:
                self.heard += os.read(self.descriptor, 65536)
        found, _, self.heard = self.heard.partition(text)
        return found + text

    def type(self, text):
        """Type `text`."""
        os.write(self.descriptor, text)


@pytest.fixture
def listen():
    """A function that opens the console of a board."""
    listeners = []

    def opened(board):
        listeners.append(Listener(board.console))
        return listeners[-1]

    yield opened
    for listener in listeners:
        os.close(listener.descriptor)
