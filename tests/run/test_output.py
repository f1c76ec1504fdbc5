"""Where results go."""

from __future__ import annotations

import pytest

from lava_dispatcher_multinode.errors import InvalidJob
from lava_dispatcher_multinode.run.output import prepare


def test_a_named_directory_is_made(tmp_path):
    """--output-dir may be new, and deep; or there already."""
    assert prepare(tmp_path / "a" / "b", "job") == tmp_path / "a" / "b"
    assert prepare(tmp_path / "a" / "b", "job").is_dir()


def test_without_one_each_run_gets_its_own(tmp_path, monkeypatch):
    """Two runs in one second do not share; `latest` points at the last."""
    monkeypatch.chdir(tmp_path)
    first, second = prepare(None, "my job/../x"), prepare(None, "my job/../x")
    assert first != second
    assert first.parent == second.parent
    assert "my-job-..-x" in first.name
    assert (tmp_path / "lava-runs" / "latest").resolve() == second.resolve()


def test_a_directory_that_cannot_be_made_is_told(tmp_path):
    """A file in the way is named, with what else to do."""
    (tmp_path / "file").write_text("")
    with pytest.raises(InvalidJob, match="cannot be the output directory.*--output-dir"):
        prepare(tmp_path / "file" / "out", "job")
