"""The device types of a LAVA server on this host."""

from __future__ import annotations

import os

from lava_dispatcher_multinode.lab import lava_server_types as module


def test_the_types_of_installed_and_unpacked_servers(tmp_path, monkeypatch):
    """The first directory counts; base templates and other files are no types."""
    places = [tmp_path / name for name in ("installed", "a", "b")]
    folders = [places[0], *(place / "share/lava-server/device-types" for place in places[1:])]
    for folder, names in zip(folders, (["x"], ["x", "y", "base", "base-z"], ["y"]), strict=True):
        folder.mkdir(parents=True)
        for name in names:
            (folder / f"{name}.jinja2").touch()
        (folder / "notes.txt").touch()
    for place in places[1:]:
        (place / "lib/python3/dist-packages").mkdir(parents=True)
    packages = [str(place / "lib/python3/dist-packages") for place in places[1:]]
    monkeypatch.setattr(module, "INSTALLED", folders[0])
    monkeypatch.setenv("LAVA_DISPATCHER_PATH", os.pathsep.join(packages))
    found = module.lava_server_types()
    assert {name: path.resolve() for name, path in found.items()} == {
        "x": folders[0] / "x.jinja2",
        "y": folders[1] / "y.jinja2",
    }


def test_without_a_server_there_are_none(tmp_path, monkeypatch):
    """Most hosts have no LAVA."""
    monkeypatch.setattr(module, "INSTALLED", tmp_path / "missing")
    monkeypatch.delenv("LAVA_DISPATCHER_PATH", raising=False)
    assert module.lava_server_types() == {}
