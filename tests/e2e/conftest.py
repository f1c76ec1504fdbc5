"""Fixtures that run the installed command with simulated boards."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lava_dispatcher_multinode.qemu.test_image.image_cache import cached_image

from ..needs import require, skipped_without
from ..run_output import Run

EXAMPLES = Path(__file__).parents[2] / "examples"
COMMAND = Path(sys.executable).parent / "lava-dispatch"
RUN_TIMEOUT_S = 100
#: No option selects a weaker confinement than the host supports, so patch the command.
WEAKER_CONFINEMENT = """
import sys
from lava_dispatcher_multinode.simulator import simulated_lab
class Weak(simulated_lab.SimulatedLab):
    def __init__(self, directory, *, unconfined=False):
        super().__init__(directory, confinement={!r})
simulated_lab.SimulatedLab = Weak
from lava_dispatcher_multinode.commands.dispatch import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture(scope="session")
def test_image():
    """Return the test image; build it once for all test processes if it is missing."""
    require("qemu-system-arm", "u-boot-qemu")
    with skipped_without("Debian's archive"):
        return cached_image(print)


@pytest.fixture
def clean(tmp_path):
    """Return an environment without the user's device files, locks and faults."""
    environ = {k: v for k, v in os.environ.items() if not k.startswith("LAVA_")}
    own = {"XDG_CONFIG_HOME": "config", "LAVA_LOCK_DIR": "locks"}
    return environ | {name: str(tmp_path / path) for name, path in own.items()} | {"TERM": "dumb"}


@pytest.fixture
def dispatch(tmp_path, clean):
    """Return a function that runs lava-dispatch with the given arguments."""

    def run(*words, env=None, stdin=None, confinement=None, limit=RUN_TIMEOUT_S):
        directory = tmp_path / "out"
        command = [COMMAND]
        if confinement is not None:
            command = [sys.executable, "-c", WEAKER_CONFINEMENT.format(confinement)]
        done = subprocess.run(
            [*command, "--output-dir", directory, *words],
            capture_output=True,
            text=True,
            env=clean | (env or {}),
            cwd=tmp_path,
            timeout=limit,
            input=stdin,
        )
        return Run(done.returncode, done.stdout, done.stderr, directory)

    return run


def job_text(steps, *, roles=(("only", 1),), more=None, actions=None):
    """Return a job for pandas with one inline definition that runs `steps`."""
    definition = {
        "metadata": {"format": "Lava-Test Test Definition 1.0", "name": "test"},
        "run": {"steps": list(steps)},
    }
    return json.dumps(
        {
            "timeout": 60,
            "job_name": "test job",
            "device_group": [
                {"role": role, "count": count, "device_type": "panda"} for role, count in roles
            ],
            "actions": actions
            or [
                {
                    "command": "deploy_linaro_image",
                    "parameters": {"image": str(EXAMPLES / "images" / "panda.img.gz")},
                },
                {"command": "lava_test_shell", "parameters": {"definitions": [definition]}},
            ],
            **(more or {}),
        }
    )


@pytest.fixture
def job(tmp_path):
    """Return a function that writes a job file; see `job_text`."""

    def write(*steps, **options):
        path = tmp_path / "job.json"
        path.write_text(job_text(steps, **options))
        return path

    return write


@pytest.fixture
def examples(tmp_path):
    """Return a copy of the examples' directory."""
    return Path(shutil.copytree(EXAMPLES, tmp_path / "examples"))
