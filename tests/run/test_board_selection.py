"""Where a job's boards come from."""

from __future__ import annotations

import json

import pytest

from lava_dispatcher_multinode.errors import BoardsUnavailable, InvalidJob
from lava_dispatcher_multinode.job.source import load
from lava_dispatcher_multinode.lab.lockfiles import holders, lock_directory
from lava_dispatcher_multinode.run.board_selection import BoardSelection, hold_boards
from lava_dispatcher_multinode.run.supervisor.supervisor import Supervisor


@pytest.fixture
def document(tmp_path):
    """A function that writes a job with a role for each device type, and reads it."""

    def make(*types):
        group = [{"role": f"r{number}", "device_type": name} for number, name in enumerate(types)]
        actions = [{"command": "boot_linaro_image"}]
        job = {"timeout": 60, "device_group": group, "actions": actions}
        (tmp_path / "job.json").write_text(json.dumps(job))
        return load(str(tmp_path / "job.json"))

    return make


@pytest.fixture
def lab(tmp_path, monkeypatch):
    """The directory of a lab with a panda of ours, and a juno of LAVA's."""
    monkeypatch.setenv("LAVA_LOCK_DIR", str(tmp_path / "locks"))
    devices = tmp_path / "lab" / "devices"
    devices.mkdir(parents=True)
    (devices / "bench.yaml").write_text("{device_type: panda, connection: {command: cat}}")
    (devices / "juno.yaml").write_text(
        "{device_type: juno-r2, host: lava, lava: {device: juno.dict}}"
    )
    return tmp_path / "lab"


@pytest.fixture
def supervisor():
    """A run's supervisor."""
    with Supervisor() as supervisor:
        yield supervisor


def test_boards_are_made_one_for_each_node(document, supervisor):
    """In the order of the roles; there is no lab, whatever this host has."""
    selection = BoardSelection(simulate=True)
    job, _ = selection.parse(document("panda", "beaglexm", "panda"))
    with hold_boards(job, selection, supervisor, pytest.fail) as members:
        assert [(m.role, m.device.name) for m in members] == [
            ("r0", "panda01"),
            ("r1", "beaglexm01"),
            ("r2", "panda02"),
        ]
    assert selection.lab is None


def test_boards_of_the_lab_are_held_meanwhile(document, lab, supervisor):
    """Nobody else gets them; the supervisor holds them, too, if we die."""
    selection = BoardSelection(config_dir=lab)
    job, _ = selection.parse(document("panda"))
    with hold_boards(job, selection, supervisor, pytest.fail) as members:
        assert [m.device.name for m in members] == ["bench"]
        assert holders(lock_directory(), ["bench"])["bench"].job == "job"
        assert len(supervisor._locks) == 1
        with (
            pytest.raises(BoardsUnavailable, match="bench is held by"),
            hold_boards(job, selection, supervisor, pytest.fail),
        ):
            pytest.fail("there is no other panda")


def test_a_job_may_name_a_type_that_only_the_lab_has(document, lab):
    """LAVA's dispatcher runs it; nobody here could make such a board."""
    job, _ = BoardSelection(config_dir=lab).parse(document("juno-r2"))
    assert job.roles[0].device_type == "juno-r2"
    with pytest.raises(InvalidJob, match="unknown device type 'juno-r2'"):
        BoardSelection(simulate=True).parse(document("juno-r2"))


def test_one_board_by_the_command_line(document, lab):
    """--target of a job for one board; a group is not aimed."""
    with pytest.raises(InvalidJob, match="cannot run on one device"):
        BoardSelection(config_dir=lab).parse(document("panda"), "bench")
