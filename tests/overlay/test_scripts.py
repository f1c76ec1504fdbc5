"""The on-board scripts are found, from a work tree and from an installed package."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lava_dispatcher_multinode.overlay.scripts import scripts

ROOT = Path(__file__).parents[2]


def test_the_work_trees_scripts():
    """All that is in overlays/, and nothing that Python or an editor put beside it."""
    found = {script.path: script for script in scripts()}
    for folder, mode in (("bin", 0o755), ("lib", 0o644)):
        for file in (ROOT / "overlays" / folder).iterdir():
            if not file.name.startswith((".", "_")) and not file.name.endswith("~"):
                script = found.pop(f"{folder}/{file.name}")
                assert (script.content, script.mode) == (file.read_bytes(), mode)
    assert not found


def test_what_a_test_needs_is_there():
    """The seven MultiNode commands and the runner that starts it all."""
    names = {script.path for script in scripts()}
    seven = ("self", "role", "group", "send", "wait", "wait-all", "sync")
    assert {f"bin/lava-{name}" for name in (*seven, "test-runner")} <= names


@pytest.mark.slow
def test_a_wheel_that_is_installed_elsewhere_finds_its_scripts(tmp_path):
    """package_dir and package_data put them where importlib.resources looks."""
    source = tmp_path / "source"
    source.mkdir()
    for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        if (ROOT / name).exists():
            shutil.copy(ROOT / name, source)
    for name in ("lava_dispatcher_multinode", "overlays", "man"):
        ignore = shutil.ignore_patterns("__pycache__", "*.egg-info")
        shutil.copytree(ROOT / name, source / name, ignore=ignore)
    pip = [sys.executable, "-m", "pip", "-q", "--disable-pip-version-check"]
    offline = ["--no-deps", "--no-index"]
    built = [*pip, "wheel", *offline, "--no-build-isolation", "-w", tmp_path / "dist", source]
    subprocess.run(built, check=True, cwd=tmp_path)
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    subprocess.run([*pip, "install", *offline, "--target", tmp_path / "site", wheel], check=True)
    program = f"""
import sys
sys.path.insert(0, {str(tmp_path / "site")!r})
import lava_dispatcher_multinode as package
from lava_dispatcher_multinode.lab.layers import Layers
from lava_dispatcher_multinode.overlay.scripts import scripts
Layers([])  # the schema of device files is there, too
print(package.__file__)
for script in scripts():
    print(script.path, len(script.content))
"""
    # -P, and away from the work tree, which must not be what is imported.
    command = [sys.executable, "-P", "-c", program]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=tmp_path)
    found = done.stdout.splitlines()
    assert found[0].startswith(str(tmp_path / "site"))
    assert found[1:] == [f"{script.path} {len(script.content)}" for script in scripts()]


def test_a_checkout_that_is_not_installed_finds_its_scripts(tmp_path):
    """Started in the root of a checkout, Python imports from there, also beside an install."""
    for name in ("lava_dispatcher_multinode", "overlays"):
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, tmp_path / name, ignore=ignore)
    program = """
import sys
# An editable install has a finder of its own for the scripts; a plain one has none.
sys.meta_path = [each for each in sys.meta_path if "Editable" not in str(each)]
from lava_dispatcher_multinode.overlay import scripts
print(scripts.__file__)
for script in scripts.scripts():
    print(script.path, len(script.content))
"""
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=tmp_path)
    found = done.stdout.splitlines()
    assert found[0].startswith(str(tmp_path))
    assert found[1:] == [f"{script.path} {len(script.content)}" for script in scripts()]
