"""The run directory."""

from __future__ import annotations

import json

import pytest

from lava_dispatcher_multinode.errors import InvalidJob
from lava_dispatcher_multinode.run.output import output_directory


def test_a_named_directory_is_made(tmp_path):
    """--output-dir is created if missing; job.json contains no passwords."""
    for _ in range(2):
        with output_directory(tmp_path / "a" / "b", "job", {"image": "http://u:p@host/i"}) as made:
            assert made == tmp_path / "a" / "b"
            assert json.loads((made / "job.json").read_text()) == {"image": "http://host/i"}


def test_without_one_each_run_gets_its_own(tmp_path, monkeypatch):
    """Runs of the same second have different directories; `latest` is the last."""
    monkeypatch.chdir(tmp_path)
    with (
        output_directory(None, "my job/../x", {}) as first,
        output_directory(None, "my job/../x", {}) as second,
    ):
        assert first != second
        assert first.parent == second.parent
        assert "my-job-..-x" in first.name
        assert (tmp_path / "lava-runs" / "latest").resolve() == second.resolve()


def test_one_run_at_a_time(tmp_path):
    """A run directory is locked against a second run."""
    with (
        output_directory(tmp_path, "a", {}),
        pytest.raises(InvalidJob, match="another run is writing to it"),
        output_directory(tmp_path, "b", {}),
    ):
        pass
    with output_directory(tmp_path, "c", {}):
        pass


def test_consoles_of_a_run_before_go(tmp_path):
    """Console logs of an earlier run are removed; other files stay."""
    (tmp_path / "nodes" / "old").mkdir(parents=True)
    (tmp_path / "nodes" / "old" / "console.log").write_text("yesterday")
    (tmp_path / "nodes" / "old" / "notes").write_text("mine")
    with output_directory(tmp_path, "job", {}):
        assert [path.name for path in (tmp_path / "nodes" / "old").iterdir()] == ["notes"]


def test_a_directory_that_cannot_be_created_is_reported(tmp_path):
    """The error names the file in the way, with a hint."""
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(InvalidJob, match=r"cannot be used as the output directory.*--output-dir"),
        output_directory(tmp_path / "file" / "out", "job", {}),
    ):
        pass
