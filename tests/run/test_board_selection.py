"""Selection of a job's boards."""

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
    """Return a function that writes and parses a job with one role per device type."""

    def make(*types):
        group = [{"role": f"r{number}", "device_type": name} for number, name in enumerate(types)]
        actions = [{"command": "boot_linaro_image"}]
        job = {"timeout": 60, "device_group": group, "actions": actions}
        (tmp_path / "job.json").write_text(json.dumps(job))
        return load(str(tmp_path / "job.json"))

    return make


@pytest.fixture
def supervisor():
    """Return a run's supervisor."""
    with Supervisor() as supervisor:
        yield supervisor


def test_boards_are_made_one_for_each_node(document, supervisor):
    """Virtual boards are created in the order of the roles, independent of a lab."""
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
    """Boards of the lab are locked, by the supervisor, too."""
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
    """A board under LAVA's dispatcher can have any device type."""
    job, _ = BoardSelection(config_dir=lab).parse(document("juno-r2"))
    assert job.roles[0].device_type == "juno-r2"
    job, warnings = BoardSelection(simulate=True).parse(document("juno-r2"))
    assert (job.roles[0].device_type, warnings) == ("juno-r2", [])


def test_one_board_by_the_command_line(document, lab):
    """--target selects the board of a single-board job and is rejected for a group."""
    with pytest.raises(InvalidJob, match="cannot run on one device"):
        BoardSelection(config_dir=lab).parse(document("panda"), "bench")
