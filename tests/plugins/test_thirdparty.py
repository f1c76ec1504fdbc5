"""A third-party package with plug-ins: built, installed and found by entry points."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

PROJECT = Path(__file__).parents[1] / "data" / "thirdparty"

PARSE = """\
import json, sys
from lava_dispatcher_multinode import plugins
from lava_dispatcher_multinode.errors import InvalidJob
from lava_dispatcher_multinode.job.parse import parse_job
from lava_dispatcher_multinode.job.source import load
try:
    job, warnings = parse_job(load(sys.argv[1]))
except InvalidJob as error:
    sys.exit(str(error))
class Node:
    name = "panda01"
for spec in job.actions:
    if spec.command == "press_button":
        plugins.action(spec.command).run(Node, spec.parameters)
print(json.dumps({
    "name": job.name, "roles": [[r.name, r.count, r.device_type] for r in job.roles],
    "actions": [[a.command, dict(a.parameters)] for a in job.actions],
    "warnings": [str(w) for w in warnings],
}))
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """Return the environment in which the package is installed."""
    base = tmp_path_factory.mktemp("thirdparty")
    # A copy: building writes beside the sources.
    source = base / "source"
    for file in PROJECT.rglob("*"):
        if file.is_file() and "egg-info" not in str(file) and "__pycache__" not in str(file):
            copy = source / file.relative_to(PROJECT)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(file.read_bytes())
    command = [
        sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps",
        "--no-build-isolation", "--disable-pip-version-check", "--target", str(base / "site"),
        str(source),
    ]  # fmt: skip
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    return {**os.environ, "PYTHONPATH": str(base / "site")}


def test_it_runs_on_boards(installed, tmp_path):
    """The installed command runs a job in the package's format on simulated boards."""
    log = tmp_path / "log"
    file = tmp_path / "job.json"
    file.write_text(
        json.dumps({"buttons": ["red"], "board": "panda", "count": 2, "log": str(log)})
    )
    done = subprocess.run(
        [Path(sys.executable).parent / "lava-dispatch", "--simulate", "--output-dir",
         tmp_path / "out", file],
        check=False, capture_output=True, text=True, timeout=100, env=installed,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert sorted(log.read_text().split("\n")) == ["", "panda01 red", "panda02 red"]
    results = json.loads((tmp_path / "out" / "results.json").read_text())
    actions = results["nodes"]["panda01"]["actions"]
    assert [(a["command"], a["status"]) for a in actions] == [("press_button", "pass")]


def test_its_device_type_boots_by_its_boot_loader(installed, tmp_path):
    """A job names the type by its alias; the boot is the dialogue of the package's loader."""
    file = tmp_path / "job.json"
    image = Path(__file__).parents[2] / "examples" / "images" / "panda.img.gz"
    deploy = {"command": "deploy_linaro_image", "parameters": {"image": str(image)}}
    group = [{"role": "a", "device_type": "bb", "count": 1}]
    actions = [deploy, {"command": "boot_linaro_image"}]
    file.write_text(json.dumps({"timeout": 90, "device_group": group, "actions": actions}))
    done = subprocess.run(
        [Path(sys.executable).parent / "lava-dispatch", "--simulate", "--output-dir",
         tmp_path / "out", file],
        check=False, capture_output=True, text=True, timeout=100, env=installed,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "bench-board01 boot_linaro_image: waiting for the silent U-Boot" in done.stderr


def parse(job, environment, tmp_path):
    """Parse `job` in a separate process; return the completed process."""
    file = tmp_path / "job.json"
    file.write_text(json.dumps(job))
    return subprocess.run(
        [sys.executable, "-c", PARSE, str(file)],
        check=False, capture_output=True, text=True, timeout=60, env=environment,
    )  # fmt: skip


def test_its_parser_makes_a_job_and_its_action_runs(installed, tmp_path):
    """The package adds a job format and an action without a change to this one."""
    log = tmp_path / "log"
    job = {"buttons": ["red", "green"], "board": "panda", "count": 2, "log": str(log)}
    done = parse(job, installed, tmp_path)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["roles"] == [["presser", 2, "panda"]]
    assert [command for command, _ in found["actions"]] == ["press_button"] * 2
    assert found["warnings"] == [f"{tmp_path}/job.json:1:13: warning: buttons wear out"]
    assert log.read_text() == "panda01 red\npanda01 green\n"


def test_its_action_in_a_job_of_ours(installed, tmp_path):
    """The action's parameters are checked by the package's schema."""
    job = {
        "timeout": 5,
        "device_group": [{"role": "a", "device_type": "panda"}],
        "actions": [{"command": "press_button", "parameters": {"button": "x", "role": "a"}}],
    }
    done = parse(job, installed, tmp_path)  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["actions"] == [["press_button", {"button": "x"}]]
    job["actions"][0]["parameters"] = {"buton": "x"}
    done = parse(job, installed, tmp_path)
    assert done.returncode == 1
    assert "unknown key 'buton' in 'parameters' (did you mean 'button'?)" in done.stderr
    assert "unknown key 'buton' in 'parameters' (did you mean 'button'?)" in done.stderr


def test_both_parsers_accepting_one_file_is_an_error_that_names_both(installed, tmp_path):
    """A file that two parsers accept is an error."""
    job = {"buttons": [], "board": "panda", "timeout": 5, "device_group": [], "actions": []}
    done = parse(job, installed, tmp_path)
    assert done.returncode == 1
    assert "'button_list' of lava-bench-button 1.2" in done.stderr
    assert "'device_group' of lava-dispatcher-multinode" in done.stderr


def test_without_the_package_its_command_is_unknown(tmp_path):
    """Without the package, its job format is unknown."""
    job = {"timeout": 5, "target": "p", "actions": [{"command": "press_button"}]}
    done = parse(job, dict(os.environ), tmp_path)
    assert done.returncode == 1
    assert "unknown action 'press_button'" in done.stderr
