"""The process that makes the boards."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from lava_dispatcher_multinode.errors import InfrastructureError
from lava_dispatcher_multinode.simulator import simulated_lab, spawner
from lava_dispatcher_multinode.simulator.confinement.namespaces import Namespaces
from lava_dispatcher_multinode.simulator.confinement.unconfined import Unconfined


def test_ways_by_name(tmp_path):
    """Each way of confinement is made by its name."""
    assert isinstance(spawner.make_confinement("namespaces", tmp_path), Namespaces)
    assert isinstance(spawner.make_confinement("unconfined", tmp_path), Unconfined)
    assert spawner.make_confinement("chroot", tmp_path).name == "chroot"


def test_a_board_that_breaks_is_reported(tmp_path, monkeypatch):
    """If a board's process fails, the lab says with what, and the others go on."""
    with simulated_lab.SimulatedLab(tmp_path, confinement="unconfined") as made:
        good = made.add("good", "panda", {})
        monkeypatch.setattr(simulated_lab, "SIMULATED_TYPES", ("nonsense",))
        with pytest.raises(
            simulated_lab.PowerError, match=r"bad: the simulated board has ended: KeyError"
        ):
            made.add("bad", "nonsense", {})
        good.power_on()
        good.power_off()


def test_a_factory_that_does_not_start(tmp_path, monkeypatch):
    """If the process cannot start, the lab says what it complained of, and soon."""
    monkeypatch.setattr(simulated_lab, "_environment", dict)
    start = time.monotonic()
    with pytest.raises(InfrastructureError, match=r"ended at its start: .*No module"):
        simulated_lab.SimulatedLab(tmp_path, confinement="unconfined")
    assert time.monotonic() - start < 20


def test_nothing_heavy_is_imported():
    """Boards start from the standard library alone, and little of it."""
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]); before = set(sys.modules)\n"
        "import lava_dispatcher_multinode.simulator.spawner\n"
        "print(*sorted({name.partition('.')[0] for name in set(sys.modules) - before}))"
    )
    package = str(Path(spawner.__file__).parents[2])
    done = subprocess.run(
        [sys.executable, "-S", "-c", program, package], capture_output=True, text=True, check=True
    )
    names = set(done.stdout.split())
    assert names - sys.stdlib_module_names == {"lava_dispatcher_multinode"}
    assert not {"asyncio", "email", "http", "yaml"} & names
