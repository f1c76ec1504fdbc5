"""lava-multinode boards."""

from __future__ import annotations

import json
import os

import pytest

from lava_dispatcher_multinode.commands import boards
from lava_dispatcher_multinode.commands.lava_multinode import main
from lava_dispatcher_multinode.lab.lockfiles import LOCK_DIR_VARIABLE, LockFile

GOOD = "device_type: panda\ntags: [b, a]\nconnection: {serial: /dev/null}\n"


@pytest.fixture
def config(tmp_path, monkeypatch):
    """A configuration with a free, a held and a broken board."""
    monkeypatch.setenv(LOCK_DIR_VARIABLE, str(tmp_path / "locks"))
    (tmp_path / "locks").mkdir()
    devices = tmp_path / "config/devices"
    devices.mkdir(parents=True)
    (devices / "p1.yaml").write_text(GOOD)
    (devices / "p2.yaml").write_text(GOOD)
    (devices / "p3.yaml").write_text("device_type: panda\nbood: 1\n")
    lock = LockFile(tmp_path / "locks", "p2")
    assert lock.acquire("my job")
    yield tmp_path / "config"
    lock.release()


def test_the_table(config, capsys):
    """The table has name, type, tags, state and holder, and the error of a broken file."""
    assert main(["boards", "--config-dir", str(config)]) == 0
    header, free, held, broken = capsys.readouterr().out.splitlines()
    assert header.split() == ["NAME", "TYPE", "TAGS", "STATE", "HOLDER"]
    assert free.split() == ["p1", "panda", "a,b", "free"]
    assert held.split()[:4] == ["p2", "panda", "a,b", "held"]
    assert f"pid {os.getpid()}, job 'my job'" in held
    assert broken.split()[:4] == ["p3", "panda", "-", "broken"]
    assert "p3.yaml:2:1: unknown key 'bood'" in broken
    assert header.index("STATE") == free.index("free") == held.index("held")


def test_json(config, capsys):
    """--json prints the same data."""
    assert main(["boards", "--json", "--config-dir", str(config)]) == 0
    free, held, broken = json.loads(capsys.readouterr().out)
    assert free == {
        "name": "p1",
        "device_type": "panda",
        "tags": ["a", "b"],
        "state": "free",
        "holder": None,
        "file": str(config / "devices/p1.yaml"),
        "problems": [],
        "note": "",
    }
    assert (held["holder"]["pid"], held["holder"]["job"]) == (os.getpid(), "my job")
    assert broken["state"] == "broken"
    assert len(broken["problems"]) == 1


def test_listing_takes_no_lock(config):
    """Listing the boards does not disturb a job."""
    boards.rows_of(boards.load_lab(config))
    lock = LockFile(config.parent / "locks", "p1")
    assert lock.acquire("x")
    lock.release()


def test_no_boards(tmp_path, capsys):
    """The message with its hint is on stderr, so that stdout stays parseable."""
    assert main(["boards", "--config-dir", str(tmp_path)]) == 0
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "lava-multinode init" in captured.err
    assert main(["boards", "--json", "--config-dir", str(tmp_path)]) == 0
    assert json.loads(capsys.readouterr().out) == []


def test_a_directory_that_does_not_exist(tmp_path, capsys):
    """Exit code 2, with the name."""
    assert main(["boards", "--config-dir", str(tmp_path / "nowhere")]) == 2
    assert "no such directory" in capsys.readouterr().err


def test_help_has_an_example(capsys):
    """--help shows an example."""
    with pytest.raises(SystemExit) as caught:
        main(["boards", "--help"])
    assert caught.value.code == 0
    assert "lava-multinode boards --config-dir" in capsys.readouterr().out
