"""Scratch directories are removed with any content."""

from __future__ import annotations

import os

import pytest

from lava_dispatcher_multinode.run.supervisor.scratch import remove, scratch
from lava_dispatcher_multinode.run.supervisor.supervisor import Supervisor

DEEP = 1500  # nested directories: too deep for Python


def _fill(directory):
    here = os.getcwd()
    os.chdir(directory)
    try:
        for _ in range(DEEP):
            os.mkdir("d")
            os.chdir("d")
        with open("file", "w", encoding="utf-8"):
            pass
    finally:
        os.chdir(here)


@pytest.fixture(autouse=True)
def _temporary(tmp_path, monkeypatch):
    """Scratch directories are made below tmp_path."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))


def _close(directory):
    (directory / "closed" / "inner").mkdir(parents=True)
    (directory / "closed").chmod(0)


@pytest.mark.parametrize(
    "fill", [lambda directory: None, _fill, _close], ids=["empty", "deep", "closed"]
)
def test_removed_at_the_end(fill):
    """Deep trees and directories without permissions are removed as well."""
    with scratch(None) as directory:
        fill(directory)
    assert not directory.exists()


def test_the_supervisor_knows_it():
    """The supervisor removes it if the dispatcher dies."""
    with Supervisor() as supervisor, scratch(supervisor) as directory:
        assert supervisor._state.scratch == [directory]
    assert not directory.exists()


def test_the_supervisor_knows_it_before_it_exists():
    """A kill between the report and mkdir leaves nothing behind."""

    class Killed(Exception):
        """Stands for the kill."""

    class Reported:
        def add_scratch(self, directory):
            assert not directory.exists()
            raise Killed

    with pytest.raises(Killed), scratch(Reported()):
        pass


def test_a_directory_of_another_process(tmp_path):
    """The supervisor removes a directory of its dispatcher; a missing one is no error."""
    left = tmp_path / "left"
    left.mkdir()
    _fill(left)
    remove(left)
    assert not left.exists()
    remove(left)


def test_python_does_not_probe_the_directory_with_a_file(tmp_path, monkeypatch):
    """A probe file would stay if the process were killed."""
    opened = []
    for name in ("TEMP", "TMP"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    real = os.open

    def noted(name, *words, **more):
        opened.append(str(name))
        return real(name, *words, **more)

    monkeypatch.setattr("os.open", noted)
    with scratch(None) as directory:
        assert directory.parent == tmp_path
        assert opened == []


def test_an_unusable_directory_is_left_to_python(tmp_path, monkeypatch):
    """Python chooses another one."""
    monkeypatch.setenv("TMPDIR", str(tmp_path / "missing"))
    monkeypatch.setattr("tempfile.tempdir", None)
    with scratch(None) as directory:
        assert directory.parent != tmp_path / "missing"
