"""LAVA's dispatcher on this host: its location, its version and its Python interpreter."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from ...errors import InfrastructureError
from .member import UNUSED_MODULES

if TYPE_CHECKING:
    from ...lab.device_sections import Lava

DEBIAN_PYTHON = "/usr/bin/python3"
#: Imports what lava-run imports, and prints the version.
PROBE = f"""
import ast, sys, types
for name in {UNUSED_MODULES}: sys.modules.setdefault(name, types.ModuleType(name))
import lava_dispatcher.parser, lava_dispatcher.protocols.multinode
for part in ast.parse(open(sys.argv[1]).read()).body:
    if isinstance(part, (ast.Import, ast.ImportFrom)):
        exec(compile(ast.Module([part], []), sys.argv[1], "exec"))
import lava_common.version
print(lava_common.version.__version__)
"""
PROBE_TIMEOUT_S = 60.0  # a slow machine imports all of LAVA


@dataclass(frozen=True)
class Installed:
    """An installed dispatcher; `path` is None if Python finds its packages without help."""

    version: str
    lava_run: Path
    python: str
    path: Path | None

    @property
    def needs_root(self) -> bool:
        """Return True if lava-run has no option to run without root."""
        return "--skip-sudo-warning" not in self.lava_run.read_text("utf-8", "replace")


def find_dispatcher(lava: Lava) -> Installed:
    """Return the dispatcher that `lava` of a device file names.

    Of several directories in LAVA_DISPATCHER_PATH the first applies. Raises `InfrastructureError`
    if there is none.
    """
    named = os.environ.get("LAVA_DISPATCHER_PATH", "").split(os.pathsep)[0]
    path = lava.path or (Path(named).absolute() if named else None)
    return _find(path, lava.python)


@cache
def _find(path: Path | None, python: str | None) -> Installed:
    script = _script(path)
    if script is None:
        where = f"in or beside {path}" if path else "on PATH"
        raise InfrastructureError(
            f"there is no lava-run {where}: install the package lava-dispatcher, or name a "
            "directory with LAVA's Python packages (lava.path in the device file, or "
            "LAVA_DISPATCHER_PATH)"
        )
    reason = ""
    for candidate in dict.fromkeys([python] if python else [DEBIAN_PYTHON, sys.executable]):
        version, reason = _probe(candidate, path, script)
        if version:
            return Installed(version, script, candidate, path)
    raise InfrastructureError(
        f"LAVA's dispatcher ({script}) cannot be used: {reason} (lava.python in the device file "
        "names the interpreter with its packages)"
    )


def _script(path: Path | None) -> Path | None:
    """Return lava-run of a clone, of an unpacked package, or on PATH."""
    if path is None:
        found = shutil.which("lava-run")
        return Path(found) if found else None
    places = (path / "lava/dispatcher/lava-run", path / "../../../bin/lava-run")
    return next((place.resolve() for place in places if place.is_file()), None)


def _probe(python: str, path: Path | None, script: Path) -> tuple[str, str]:
    """Return the version, or "" and why this interpreter cannot run lava-run."""
    try:
        done = subprocess.run(
            [python, "-c", PROBE, str(script)],
            env=make_environment(path),
            capture_output=True,
            text=True,
            timeout=PROBE_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return "", f"{python}: {error}"
    lines = done.stderr.strip().splitlines()
    return done.stdout.strip(), f"{python}: {lines[-1] if lines else 'no output'}"


def make_environment(path: Path | None) -> dict[str, str]:
    """Return the environment in which Python finds LAVA's packages."""
    environ = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    return environ | ({"PYTHONPATH": str(path)} if path else {})
