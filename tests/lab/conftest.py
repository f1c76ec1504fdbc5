"""Labs for tests: device files in a temporary directory."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import pytest

from lava_dispatcher_multinode.errors import InvalidJob
from lava_dispatcher_multinode.lab.device_model import Device
from lava_dispatcher_multinode.lab.device_sections import ConsoleConnection

if TYPE_CHECKING:
    from pathlib import Path

SERIAL = "connection: {serial: /dev/null}\n"


def wrong(layers, name):
    """Return the only problem of an invalid device."""
    with pytest.raises(InvalidJob) as caught:
        layers.device(name)
    (problem,) = caught.value.problems
    return problem


class Config:
    """A configuration directory to write device files into."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir(parents=True, exist_ok=True)

    def write(self, name: str, text: str) -> Path:
        """Write the file `name`, dedented; return its path."""
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(textwrap.dedent(text))
        return file


@pytest.fixture
def config(tmp_path):
    """Return an empty configuration directory."""
    return Config(tmp_path / "config")


@pytest.fixture
def make_device():
    """Return a function that makes a device without a real console."""

    def make(name, device_type="panda", tags=()):
        return Device(
            name, device_type, frozenset(tags), connection=ConsoleConnection(command="true")
        )

    return make
