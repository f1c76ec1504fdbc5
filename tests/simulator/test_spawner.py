"""The spawner of board processes."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from lava_dispatcher_multinode.errors import InfrastructureError
from lava_dispatcher_multinode.simulator import simulated_lab

from ..firmware import FIRMWARE


def test_a_failed_board_process(tmp_path, monkeypatch):
    """The error for a failed board process has its cause; other boards run on."""
    with simulated_lab.SimulatedLab(tmp_path, confinement="unconfined") as made:
        good = made.add("good", FIRMWARE["panda"], {})
        monkeypatch.setattr(simulated_lab, "asdict", lambda _: {"nonsense": 1})
        with pytest.raises(
            simulated_lab.PowerError, match=r"bad: the simulated board has ended: TypeError"
        ):
            made.add("bad", FIRMWARE["panda"], {})
        good.power_on()
        good.power_off()


def test_a_spawner_that_does_not_start(tmp_path, monkeypatch):
    """If the spawner cannot start, its error is reported quickly."""
    monkeypatch.setattr(simulated_lab, "_environment", dict)
    start = time.monotonic()
    with pytest.raises(InfrastructureError, match=r"ended at its start: .*No module"):
        simulated_lab.SimulatedLab(tmp_path, confinement="unconfined")
    assert time.monotonic() - start < 20


def test_nothing_heavy_is_imported():
    """The spawner imports only the standard library, and little of it."""
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]); before = set(sys.modules)\n"
        "import lava_dispatcher_multinode.simulator.spawner\n"
        "print(*sorted({name.partition('.')[0] for name in set(sys.modules) - before}))"
    )
    package = str(Path(simulated_lab.__file__).parents[2])
    done = subprocess.run(
        [sys.executable, "-S", "-c", program, package], capture_output=True, text=True, check=True
    )
    names = set(done.stdout.split())
    assert names - sys.stdlib_module_names == {"lava_dispatcher_multinode"}
    assert not {"asyncio", "email", "http", "yaml"} & names
