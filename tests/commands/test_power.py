"""lava-multinode power."""

import json

import pytest

from lava_dispatcher_multinode.commands import lava_multinode
from lava_dispatcher_multinode.lab.lockfiles import LockFile, lock_directory


@pytest.fixture
def power(tmp_path, monkeypatch):
    """A function that runs the verb in a lab with one board, whose power switch writes a log."""
    monkeypatch.setenv("LAVA_LOCK_DIR", str(tmp_path / "locks"))
    (tmp_path / "devices").mkdir()
    log = tmp_path / "log"
    switch = f"power: {{on: echo on >> {log}, off: echo off >> {log}, settle: 0}}\n"
    file = tmp_path / "devices" / "left.yaml"
    file.write_text(f"device_type: panda\nconnection: {{command: cat}}\n{switch}")

    def run(*words):
        code = lava_multinode.main(["power", "left", *words, "--config-dir", str(tmp_path)])
        return code, log.read_text().split() if log.exists() else []

    run.file = file
    return run


def test_each_action(power, capsys):
    """Each action runs the configured commands and reports the result."""
    assert power("on") == (0, ["on"])
    assert power("off") == (0, ["on", "off"])
    assert capsys.readouterr().out == "left: switched on\nleft: switched off\n"
    assert power("cycle", "--json") == (0, ["on", "off", "off", "on"])
    assert json.loads(capsys.readouterr().out) == {"board": "left", "power": "cycle"}


def test_a_held_board_is_not_touched(power, capsys):
    """Exit code 4, with the holder."""
    lock = LockFile(lock_directory(), "left")
    assert lock.acquire("the job")
    try:
        assert power("off") == (4, [])
    finally:
        lock.release()
    assert "'the job'" in capsys.readouterr().err


@pytest.mark.parametrize("connection", ["command: cat", "simulated: true"])
def test_a_board_without_a_switch(power, connection, capsys):
    """Exit code 3, with the missing key."""
    power.file.write_text(f"device_type: panda\nconnection: {{{connection}}}\n")
    assert power("on") == (3, [])
    assert "left: " in capsys.readouterr().err
