"""Scratch directories are gone afterwards, whatever was put there."""

from __future__ import annotations

import os

import pytest

from lava_dispatcher_multinode.run.scratch import remove, scratch
from lava_dispatcher_multinode.run.supervisor.guard import Guard

DEEP = 1500  # directories in each other: Python cannot walk that far


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
def test_gone_afterwards(fill):
    """What a hostile repository or test made there is no reason to fail, nor to stay."""
    with scratch(None) as directory:
        fill(directory)
    assert not directory.exists()


def test_the_guard_knows_of_it():
    """If we die meanwhile, the supervisor removes it."""
    with Guard() as guard, scratch(guard) as directory:
        assert guard._estate.scratch == [directory]
    assert not directory.exists()


def test_the_guard_knows_of_it_before_it_is_there():
    """The dispatcher may be killed between the two."""

    class Killed(Exception):
        """What a kill would be."""

    class Told:
        def remove(self, directory):
            assert not directory.exists()
            raise Killed

    with pytest.raises(Killed), scratch(Told()):
        pass


def test_a_directory_of_another_process(tmp_path):
    """The supervisor removes what its dispatcher has left; what is gone is no error."""
    left = tmp_path / "left"
    left.mkdir()
    _fill(left)
    remove(left)
    assert not left.exists()
    remove(left)


def test_python_does_not_try_the_place_with_a_file(tmp_path, monkeypatch):
    """One that is written and removed would stay if we were killed in between."""
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


def test_a_place_that_will_not_do_is_left_to_python(tmp_path, monkeypatch):
    """It looks for another one, as ever."""
    monkeypatch.setenv("TMPDIR", str(tmp_path / "missing"))
    monkeypatch.setattr("tempfile.tempdir", None)
    with scratch(None) as directory:
        assert directory.parent != tmp_path / "missing"
