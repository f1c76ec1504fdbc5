"""What the doctor says of boards under LAVA's dispatcher."""

from __future__ import annotations

import os

import pytest
import yaml

from lava_dispatcher_multinode.commands.lava_diagnosis import of_lava
from lava_dispatcher_multinode.lab.device_files import load_lab

DICTIONARY = {"actions": {"deploy": {}, "boot": {}}}
TELNET = "no-such-telnet host 7001"
PDU = "no-such-pdu --port 1"


@pytest.fixture
def found(tmp_path, monkeypatch):
    """A function that returns the findings for a board with this dictionary."""
    monkeypatch.setenv("LAVA_DISPATCHER_PATH", str(tmp_path / "none"))
    devices = tmp_path / "devices"
    devices.mkdir()

    def look(dictionary):
        (devices / "a.dict").write_text(yaml.safe_dump(dictionary))
        for name in ("a", "b"):
            device = {"device_type": "x", "host": "lava", "lava": {"device": "a.dict"}}
            (devices / f"{name}.yaml").write_text(yaml.safe_dump(device))
        (devices / "own.yaml").write_text("device_type: panda\nconnection: {command: cat}\n")
        return [*of_lava(load_lab(tmp_path).devices)]

    return look


def test_no_dispatcher_is_told_once(found):
    """Not for each of its boards; with what to do."""
    (finding,) = found(DICTIONARY)
    assert "there is no lava-run" in finding.text
    assert finding.todo.startswith("install the package lava-dispatcher")


def test_what_a_dictionary_lacks_on_this_host(found):
    """Each program once, and the commands that want it; a dictionary that is none."""
    commands = {"connect": TELNET, "power_on": PDU, "power_off": [PDU, "true"], "users": {}}
    texts = [finding.text for finding in found(DICTIONARY | {"commands": commands})[1:3]]
    assert texts == [
        "there is no program 'no-such-telnet' (connect)",
        "there is no program 'no-such-pdu' (power_on, power_off)",
    ]
    assert "not a device dictionary" in found({})[1].text


@pytest.mark.parametrize(("user", "todo"), [(0, ""), (1000, "be root, or name a newer one")])
def test_a_dispatcher_that_wants_root(found, tmp_path, monkeypatch, user, todo):
    """It is there, but not for everybody."""
    clone = tmp_path / "none"
    (clone / "lava/dispatcher").mkdir(parents=True)
    (clone / "lava/dispatcher/lava-run").write_text("")
    for name in ("parser", "worker", "protocols.multinode"):
        path = clone / "lava_dispatcher" / f"{name.replace('.', '/')}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text("")
    (clone / "lava_common").mkdir()
    (clone / "lava_common/version.py").write_text("__version__ = '2023.01'")
    monkeypatch.setattr(os, "geteuid", lambda: user)
    finding = found(DICTIONARY)[0]
    assert "LAVA's dispatcher 2023.01" in finding.text
    assert finding.todo.startswith(todo)
    assert finding.wrong == bool(todo)
