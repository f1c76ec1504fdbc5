"""The location and version of LAVA's dispatcher."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from lava_dispatcher_multinode.errors import InfrastructureError
from lava_dispatcher_multinode.lab.device_sections import Lava
from lava_dispatcher_multinode.lava.dispatcher.installed import find_dispatcher, make_environment


def clone(root, version="2031.05"):
    """Make a directory that looks like a clone of LAVA's repository."""
    modules = ("parser", "protocols/multinode", "worker")
    for name in ("lava_common/version.py", *(f"lava_dispatcher/{name}.py" for name in modules)):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"__version__ = {version!r}\n")
    script = root / "lava/dispatcher/lava-run"
    script.parent.mkdir(parents=True)
    script.write_text("parser.add_argument('--skip-sudo-warning')\n")
    return root


def test_a_clone_is_found_with_its_version(tmp_path):
    """By lava.path and lava.python; lava-run shows whether it needs root."""
    found = find_dispatcher(Lava(path=clone(tmp_path / "lava"), python=sys.executable))
    assert (found.version, found.needs_root) == ("2031.05", False)
    assert found.lava_run == tmp_path / "lava/lava/dispatcher/lava-run"
    assert make_environment(found.path)["PYTHONPATH"] == str(tmp_path / "lava")


def test_the_environment_names_one_too(tmp_path, monkeypatch):
    """An unpacked Debian package, as in CI: lava-run is beside the packages."""
    packages = clone(tmp_path / "usr/lib/python3/dist-packages", "2023.01")
    (packages / "lava/dispatcher/lava-run").unlink()
    (tmp_path / "usr/bin").mkdir()
    (tmp_path / "usr/bin/lava-run").write_text("#!/usr/bin/python3\n")
    monkeypatch.setenv("LAVA_DISPATCHER_PATH", str(packages))
    found = find_dispatcher(Lava(python=sys.executable))
    assert (found.version, found.needs_root) == ("2023.01", True)


def test_the_first_of_several_counts(tmp_path, monkeypatch):
    """CI names each version that it has; a short path without a dispatcher is no crash."""
    first, second = clone(tmp_path / "a", "1"), clone(tmp_path / "b", "2")
    monkeypatch.setenv("LAVA_DISPATCHER_PATH", f"{first}:{second}")
    assert find_dispatcher(Lava(python=sys.executable)).version == "1"
    with pytest.raises(InfrastructureError, match="in or beside /nowhere"):
        find_dispatcher(Lava(path=Path("/nowhere")))


def test_a_missing_and_a_broken_dispatcher_are_reported(tmp_path, monkeypatch):
    """The hint says what to do: install it, or name the interpreter with its packages."""
    monkeypatch.delenv("LAVA_DISPATCHER_PATH", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InfrastructureError, match="install the package lava-dispatcher"):
        find_dispatcher(Lava())
    broken = clone(tmp_path / "broken")
    (broken / "lava_dispatcher/parser.py").write_text("import a_module_that_nobody_has\n")
    with pytest.raises(InfrastructureError, match=r"No module named .*lava\.python"):
        find_dispatcher(Lava(path=broken, python=sys.executable))
    wants = clone(tmp_path / "wants")
    (wants / "lava/dispatcher/lava-run").write_text("import sys\nfrom a_title import x\n")
    with pytest.raises(InfrastructureError, match=r"No module named 'a_title'.*lava\.python"):
        find_dispatcher(Lava(path=wants, python=sys.executable))
