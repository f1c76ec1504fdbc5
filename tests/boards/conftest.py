"""Consoles of real shells, and drivers of simulated boards."""

from __future__ import annotations

import contextlib
import gzip
import tempfile
import time
from pathlib import Path

import pytest

from lava_dispatcher_multinode import device_types
from lava_dispatcher_multinode.boards.hardware import connect
from lava_dispatcher_multinode.boards.shell import Shell
from lava_dispatcher_multinode.boards.standard_board import StandardBoard
from lava_dispatcher_multinode.console.board_console import Console
from lava_dispatcher_multinode.console.expect import Dialogue
from lava_dispatcher_multinode.console.open import open_console
from lava_dispatcher_multinode.console.transcript import Transcript
from lava_dispatcher_multinode.deadline import Deadline
from lava_dispatcher_multinode.lab.deploy_sections import Deploy
from lava_dispatcher_multinode.lab.device_model import Device
from lava_dispatcher_multinode.lab.device_sections import Boot, ConsoleConnection
from lava_dispatcher_multinode.simulator.simulated_lab import SimulatedLab

from ..firmware import FIRMWARE

SHELLS = [
    pytest.param(
        argv,
        id=argv.split()[0],
        marks=pytest.mark.needs(argv.split()[0]),
    )
    for argv in ("dash -i", "busybox ash -i", "bash --posix --norc -i", "mksh -i")
]


# A cooked terminal, like the console of a board; that of the transport is raw.
COOKED = "stty sane 2>/dev/null; cd {directory}; exec {shell}"
EXAMPLES = Path(__file__).parents[2] / "examples" / "images"


@pytest.fixture
def console_of(tmp_path):
    """Return a function that opens a console on a shell command; the test's end closes it."""
    consoles = []

    def make(command):
        started = time.monotonic()
        transcript = Transcript(
            tmp_path / f"node{len(consoles)}", lambda: time.monotonic() - started
        )
        console = Console(open_console(ConsoleConnection(command=command), "board01"), transcript)
        consoles.append(console)
        return console

    yield make
    for console in consoles:
        console.close()


@pytest.fixture(scope="session")
def example_images():
    """Return the directory of the unpacked example images."""
    with tempfile.TemporaryDirectory() as directory:
        for name in ("panda", "beaglexm"):
            packed = (EXAMPLES / f"{name}.img.gz").read_bytes()
            (Path(directory) / f"{name}.img").write_bytes(gzip.decompress(packed))
        yield Path(directory)


def _ignore_event(_event, /, **_fields):
    """Ignore an event."""


@pytest.fixture
def simulated(tmp_path):
    """Return a function that makes a simulated board and its driver; the test's end removes it."""
    with contextlib.ExitStack() as stack:
        lab = stack.enter_context(SimulatedLab(tmp_path / "boards"))

        def make(
            model="panda", faults=None, steps=None, deploy="media", emit=_ignore_event, **changes
        ):
            defaults = device_types.defaults(model)["boot"]
            boot = {"prompts": tuple(defaults["prompts"]), "commands": tuple(defaults["commands"])}
            device = Device(
                f"{model}01",
                model,
                connection=ConsoleConnection(simulated=True),
                deploy=Deploy(method=deploy),
                boot=Boot(**{**boot, "retries": 1, **changes}),
            )
            hardware = connect(device, lab.add(device.name, FIRMWARE[model], faults or {}))
            started = time.monotonic()
            transcript = Transcript(tmp_path / device.name, lambda: time.monotonic() - started)
            console = Console(hardware.transport, transcript)
            stack.callback(console.close)
            steps = [] if steps is None else steps
            return StandardBoard(device, console, hardware, steps.append, emit)

        yield make


@pytest.fixture(params=SHELLS)
def shell(request, console_of, tmp_path):
    """Return a prepared real interactive shell; `sh` of its board is the same."""
    plain = tmp_path / "bin" / "sh"
    plain.parent.mkdir()
    plain.write_text(f"#!/bin/sh\nexec {request.param}\n")
    plain.chmod(0o755)
    shell = f"env PATH={plain.parent}:$PATH {request.param}"
    console = console_of(COOKED.format(directory=tmp_path, shell=shell))
    made = Shell(Dialogue(console), Deadline(60, "test"))
    made.prepare()
    return made
