"""The composition root: loading, validating and preparing a job, without running it."""

from __future__ import annotations

import json
from importlib.metadata import EntryPoint

import pytest

from lava_dispatcher_multinode import plugins
from lava_dispatcher_multinode.errors import InvalidJob
from lava_dispatcher_multinode.lab.lockfiles import holders, lock_directory
from lava_dispatcher_multinode.run.board_selection import BoardSelection
from lava_dispatcher_multinode.run.run_session import load_job, prepare_run, validate_job

SIMULATE = BoardSelection(simulate=True)
BOOT = {"command": "boot_linaro_image"}


@pytest.fixture
def job(tmp_path):
    """A function that writes a job of one node and returns its path."""

    def write(*actions, device_type="panda"):
        group = [{"role": "a", "device_type": device_type}]
        path = tmp_path / "job.json"
        path.write_text(json.dumps({"timeout": 60, "device_group": group, "actions": [*actions]}))
        return str(path)

    return write


@pytest.fixture
def lab(lab):
    """The boards of that lab; juno's dictionary is a file."""
    (lab / "devices" / "juno.dict").write_text("actions: {}")
    return BoardSelection(config_dir=lab)


def test_a_job_has_a_random_id_or_the_given_one(job):
    """Two runs of one job do not share paths on their boards."""
    path = job(BOOT)
    assert load_job(path, SIMULATE, job_id="7").job_id == "7"
    assert load_job(path, SIMULATE).job_id != load_job(path, SIMULATE).job_id


def test_loading_finds_the_errors_behind_an_error(job):
    """The files of valid actions are checked although another action is wrong."""
    deploy = {"command": "deploy_linaro_image", "parameters": {"image": "missing.img"}}
    with pytest.raises(InvalidJob) as caught:
        load_job(job(deploy, {"command": "no_such"}), SIMULATE)
    messages = [problem.message for problem in caught.value.problems]
    assert any("no_such" in message for message in messages)
    assert any("missing.img" in message for message in messages)


def test_a_valid_job_has_warnings_only(job):
    """A virtual board boots an empty card: possible, but hardly meant."""
    (problem,) = validate_job(load_job(job(BOOT), SIMULATE))
    assert problem.warning
    assert "boots a board to which nothing has been deployed" in problem.message


def test_validation_compares_the_job_with_the_lab(job, lab):
    """A lab without such a device is an error, without a lock being taken."""
    with pytest.raises(InvalidJob, match="beaglexm"):
        validate_job(load_job(job(BOOT, device_type="beaglexm"), lab))
    assert validate_job(load_job(job(BOOT), lab)) == []
    assert holders(lock_directory(), ["bench"]) == {}


def test_a_prepared_run_holds_its_boards_and_has_its_directory(job, lab, tmp_path):
    """Both last as long as the context; the supervisor knows the locks."""
    output = tmp_path / "out"
    with prepare_run(load_job(job(BOOT), lab), output=output) as prepared:
        assert [member.device.name for member in prepared.members] == ["bench"]
        assert set(holders(lock_directory(), ["bench"])) == {"bench"}
        assert json.loads((output / "job.json").read_text())["timeout"] == 60
        assert prepared.output == output
        assert len(prepared.supervisor._locks) == 2
    assert holders(lock_directory(), ["bench"]) == {}


def test_warnings_are_reported_before_the_run(job, tmp_path):
    """They are those of the job file and those of its boards."""
    warnings = []
    loaded = load_job(job(BOOT), SIMULATE)
    with prepare_run(loaded, output=tmp_path / "out", on_warnings=warnings.extend):
        assert [problem.warning for problem in warnings] == [True]


def test_errors_leave_no_run_directory(job, tmp_path):
    """A run that cannot start writes no results."""
    deploy = {"command": "deploy_linaro_image", "parameters": {"image": "missing.img"}}
    loaded = load_job(job(deploy), SIMULATE)
    with (
        pytest.raises(InvalidJob, match="missing"),
        prepare_run(loaded, output=tmp_path / "out"),
    ):
        pytest.fail("the job is wrong")
    assert not (tmp_path / "out").exists()


def test_a_board_of_lavas_is_refused_where_consoles_are_needed(job, lab, tmp_path):
    """The error has the role's place in the job, and comes before LAVA is looked for."""
    loaded = load_job(job(BOOT, device_type="juno-r2"), lab)
    with (
        pytest.raises(InvalidJob, match=r"job\.json:1:\d+: juno has 'host: lava'"),
        prepare_run(loaded, output=tmp_path / "out", consoles_needed=True),
    ):
        pytest.fail("the console is LAVA's")
    assert not (tmp_path / "out").exists()


def test_an_incomplete_plug_in_is_refused_before_the_run(job, lab, tmp_path, monkeypatch):
    """The boot loader of a board lacks members: no run directory is made, no board is held."""
    entry = EntryPoint("half", "json:JSONDecoder", plugins.BOOT_LOADERS)
    entries = plugins.entries
    half = {plugins.BOOT_LOADERS: {"half": entry}}
    monkeypatch.setattr(
        plugins, "entries", lambda group: {**entries(group), **half.get(group, {})}
    )
    (lab.config_dir / "device-defaults.yaml").write_text("bootloader: half")
    loaded = load_job(job(BOOT), lab)
    with (
        pytest.raises(InvalidJob, match="'half' of .* lacks 'name'"),
        prepare_run(loaded, output=tmp_path / "out"),
    ):
        pass
    assert not (tmp_path / "out").exists()
    assert holders(lock_directory(), ["bench"]) == {}
