"""lava-multinode doctor."""

import json

import pytest

from lava_dispatcher_multinode.commands import lava_multinode


@pytest.fixture
def lab(tmp_path, monkeypatch):
    """A lab with locks of its own."""
    monkeypatch.setenv("LAVA_LOCK_DIR", str(tmp_path / "locks"))
    (tmp_path / "devices").mkdir()
    return tmp_path


def test_something_is_wrong(lab, capsys):
    """Exit code 3; each finding with what to do, as text and as JSON."""
    file = lab / "devices" / "left.yaml"
    file.write_text("device_type: panda\nconnection: {serial: /dev/ttyNONE}\n")
    (lab / "devices" / "broken.yaml").write_text("device_type: pnada\n")
    assert lava_multinode.main(["doctor", "--config-dir", str(lab)]) == 3
    out = capsys.readouterr().out
    assert "WRONG left: /dev/ttyNONE: No such file" in out
    assert "-> plug the adapter in" in out
    assert "broken.yaml:1:" in out
    assert lava_multinode.main(["doctor", "--config-dir", str(lab), "--json"]) == 3
    rows = json.loads(capsys.readouterr().out)
    assert {row["about"] for row in rows if row["wrong"]} >= {"left", "broken"}


def test_nothing_is_wrong(lab, capsys):
    """Exit code 0, and what was looked at."""
    (lab / "devices" / "left.yaml").write_text("device_type: panda\nconnection: {command: cat}\n")
    code = lava_multinode.main(["doctor", "--config-dir", str(lab), "--json"])
    rows = json.loads(capsys.readouterr().out)
    assert code == (3 if any(row["wrong"] for row in rows) else 0)
    assert not any(row["wrong"] for row in rows if row["about"] in {"left", "locks"})
