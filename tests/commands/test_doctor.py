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


def test_failed_checks(lab, capsys):
    """Exit code 3; each failed check has a correction, in text and in JSON."""
    file = lab / "devices" / "left.yaml"
    file.write_text("device_type: panda\nconnection: {serial: /dev/ttyNONE}\n")
    (lab / "devices" / "broken.yaml").write_text("bood: 1\n")
    assert lava_multinode.main(["doctor", "--config-dir", str(lab)]) == 3
    out = capsys.readouterr().out
    assert "FAIL left: /dev/ttyNONE: No such file" in out
    assert "-> connect the adapter" in out
    assert "broken.yaml:1:" in out
    assert lava_multinode.main(["doctor", "--config-dir", str(lab), "--json"]) == 3
    rows = json.loads(capsys.readouterr().out)
    assert {row["about"] for row in rows if row["wrong"]} >= {"left", "broken"}


def test_passed_checks(lab, capsys):
    """Exit code 0; the checks are listed."""
    (lab / "devices" / "left.yaml").write_text("device_type: panda\nconnection: {command: cat}\n")
    code = lava_multinode.main(["doctor", "--config-dir", str(lab), "--json"])
    rows = json.loads(capsys.readouterr().out)
    assert code == (3 if any(row["wrong"] for row in rows) else 0)
    assert not any(row["wrong"] for row in rows if row["about"] in {"left", "locks"})
