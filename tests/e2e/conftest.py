"""Whole runs of the installed command, on simulated boards."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from lava_dispatcher_multinode.qemu.test_image.image_cache import cached_image

from ..needs import require, skipped_without

EXAMPLES = Path(__file__).parents[2] / "examples"
COMMAND = Path(sys.executable).parent / "lava-dispatch"
LIMIT = 100  # seconds for one run
#: There is no option that forces a weak confinement where a strong one works.
WEAK = """
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
    """The test image; made now, once for all test processes, if it is not there."""
    require("qemu-system-arm", "u-boot-qemu")
    with skipped_without("Debian's archive"):
        return cached_image(print)


@dataclass
class Run:
    """What a run left behind."""

    code: int
    out: str
    err: str
    directory: Path

    @property
    def results(self):
        """The content of results.json."""
        return json.loads((self.directory / "results.json").read_text())

    @property
    def events(self):
        """All events, in order."""
        lines = (self.directory / "events.jsonl").read_text().splitlines()
        return [json.loads(line) for line in lines]

    def cases(self, node):
        """Return the results of `node` by test case."""
        return {case["case"]: case["result"] for case in self.results["nodes"][node]["results"]}

    def console(self, node):
        """Return every byte of a console."""
        return (self.directory / "nodes" / node / "console.raw").read_bytes()


@pytest.fixture
def clean(tmp_path):
    """An environment without anybody's device files, locks or faults."""
    environ = {k: v for k, v in os.environ.items() if not k.startswith("LAVA_")}
    own = {"XDG_CONFIG_HOME": "config", "LAVA_LOCK_DIR": "locks"}
    return environ | {name: str(tmp_path / path) for name, path in own.items()} | {"TERM": "dumb"}


@pytest.fixture
def dispatch(tmp_path, clean):
    """A function that runs lava-dispatch with the words given."""

    def run(*words, env=None, stdin=None, confinement=None, limit=LIMIT):
        directory = tmp_path / "out"
        command = [COMMAND]
        if confinement is not None:
            command = [sys.executable, "-c", WEAK.format(confinement)]
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
    """Return a job on pandas whose one inline definition has `steps`."""
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
    """A function that writes a job file; see `job_text`."""

    def write(*steps, **options):
        path = tmp_path / "job.json"
        path.write_text(job_text(steps, **options))
        return path

    return write


@pytest.fixture
def examples(tmp_path):
    """A copy of the examples, as a user has them."""
    return Path(shutil.copytree(EXAMPLES, tmp_path / "examples"))
