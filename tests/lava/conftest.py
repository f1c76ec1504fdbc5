"""Devices without hardware for LAVA's dispatcher, if it is on this machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from lava_dispatcher_multinode.commands.lava_multinode import main
from lava_dispatcher_multinode.lab.device_sections import Lava
from lava_dispatcher_multinode.lava.dispatcher.installed import find_dispatcher

from ..needs import LAVA_VERSIONS, lava, require
from ..run_output import Run
from .stand_in import server, submit

__all__ = ["server", "submit"]

COMMAND = Path(sys.executable).parent / "lava-dispatch"
DUT = Path(__file__).with_name("dut.sh")
EXAMPLES = Path(__file__).parents[2] / "examples"
LIMIT = 100  # seconds for one run
LAVAS_TMP = Path("/var/lib/lava/dispatcher/tmp")

#: The smallest device dictionary that LAVA accepts.
DICTIONARY = {
    "devicetype": "shell",
    "constants": {
        "posix": {
            "lava_test_sh_cmd": "/bin/sh",
            "lava_test_results_dir": "/lava-%s",
            "lava_test_shell_file": "~/.bashrc",
        },
        "kernel-start-message": "",
        "default-shell-prompt": "lava-test: # ",
        "shutdown-message": "The system is going down for reboot NOW",
        "spawn_maxread": "4092",
        "failure_retry": 1,
        "boot_retry": 1,
    },
    "parameters": {"pass": None},
    "actions": {
        "deploy": {"connections": {"serial": None}, "methods": {"overlay": None}},
        "boot": {"connections": {"serial": None}, "methods": {"minimal": None}},
    },
    "timeouts": {
        "actions": {"lava-test-shell": {"minutes": 3}},
        "connections": {"lava-test-shell": {"seconds": 10}},
    },
}
#: The overlay needs no web server: the device sees its directory.
BOOT = {
    "method": "minimal",
    "reset": False,
    "prompts": ["root@[a-z0-9-]+:#"],
    "transfer_overlay": {
        "download_command": "f(){ cp /var/lib/lava/dispatcher/${1#http://*/} . ; }; cd /root; f",
        "unpack_command": "tar -C / -xzf",
    },
}
PANDA = {
    "device_type": "panda",
    "connection": {"simulated": True},
    "power": {"simulated": True},
    "deploy": {"method": "media"},
}


#: A separate process: two versions of LAVA have modules of the same names.
VALIDATE = """
import sys, yaml
sys.path.append(sys.argv[1])
from lava_common.schemas import validate
for text in yaml.safe_load(sys.stdin):
    validate(yaml.safe_load(text), strict=True)
"""


@pytest.fixture(scope="session")
def installed():
    """LAVA's dispatcher; skip if none can run here."""
    require("LAVA", "root's namespaces")
    found = find_dispatcher(Lava())
    LAVAS_TMP.mkdir(parents=True, exist_ok=True)
    return found


@pytest.fixture(scope="session", params=LAVA_VERSIONS)
def strictly(request):
    """The strict schema check of each LAVA; skip if it is not unpacked."""
    path = lava(request.param)

    def check(*texts):
        words = [sys.executable, "-c", VALIDATE, path]
        done = subprocess.run(words, input=json.dumps(texts), capture_output=True, text=True)
        assert done.returncode == 0, f"{path}: {done.stderr}"

    return check


@pytest.fixture
def lab(tmp_path):
    """A lab with two devices under LAVA's dispatcher, dut-01 and dut-02, and a simulated panda."""
    directory = tmp_path / "lab"
    (directory / "devices").mkdir(parents=True)
    (directory / "device-types").mkdir()
    for name in ("dut-01", "dut-02"):
        dictionary = DICTIONARY | {"commands": {"connect": f"{DUT} {name}"}}
        (directory / "devices" / f"{name}.dict").write_text(yaml.safe_dump(dictionary))
        device = {
            "device_type": "shell",
            "host": "lava",
            "lava": {"device": f"{name}.dict"},
            "dispatcher_ip": "127.0.0.1",
        }
        (directory / "devices" / f"{name}.yaml").write_text(yaml.safe_dump(device))
    (directory / "device-types" / "shell.yaml").write_text(
        yaml.safe_dump({"lava": {"boot": BOOT}})
    )
    (directory / "devices" / "panda01.yaml").write_text(yaml.safe_dump(PANDA))
    return directory


@pytest.fixture
def environ(tmp_path):
    """An environment without device files, faults or locks of a user; LAVA's location is kept."""
    kept = {
        k: v
        for k, v in os.environ.items()
        if not k.startswith("LAVA_") or k == "LAVA_DISPATCHER_PATH"
    }
    own = {"XDG_CONFIG_HOME": str(tmp_path / "config"), "LAVA_LOCK_DIR": str(tmp_path / "locks")}
    return kept | own | {"TERM": "dumb"}


@pytest.fixture
def begin(tmp_path, lab, environ):
    """A function that starts lava-dispatch on the lab; the process is ended after the test."""
    processes = []

    def start(job, command=(COMMAND,)):
        path = tmp_path / ("job.yaml" if "protocols" in job else "job.json")
        path.write_text(
            yaml.safe_dump(job, sort_keys=False) if "protocols" in job else json.dumps(job)
        )
        words = [*command, "--config-dir", lab, "--output-dir", tmp_path / "out", path]
        process = subprocess.Popen(
            words,
            env=environ,
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        return process

    yield start
    for process in processes:
        if process.poll() is None:
            process.terminate()
        process.communicate(timeout=LIMIT)


@pytest.fixture
def dispatch(begin, tmp_path):
    """A function that runs a job to its end."""

    def run(job):
        process = begin(job)
        out, err = process.communicate(timeout=LIMIT)
        return Run(process.returncode, out, err, tmp_path / "out")

    return run


def definition(name, *steps):
    """Return a test definition."""
    return {
        "metadata": {"format": "Lava-Test Test Definition 1.0", "name": name},
        "run": {"steps": list(steps)},
    }


def lava_test(name, roles, *steps):
    """Return a LAVA test block."""
    inline = {"from": "inline", "name": name, "path": f"inline/{name}.yaml"}
    block = {"definitions": [{**inline, "repository": definition(name, *steps)}]}
    return {"test": {"role": list(roles), "timeout": {"minutes": 2}, **block}}


def lava_job(roles, *tests, **more):
    """Return a job in LAVA's format; `roles` maps a role to its keys beside the type's."""
    everyone = list(roles)
    return {
        "job_name": "boards without hardware",
        "visibility": "public",
        "timeouts": {
            "job": {"minutes": 5},
            "action": {"minutes": 3},
            "connection": {"minutes": 1},
        },
        "protocols": {
            "lava-multinode": {
                "timeout": {"minutes": 1},
                "roles": {
                    role: {"device_type": "shell", "count": 1, **keys}
                    for role, keys in roles.items()
                },
            }
        },
        "actions": [
            {"deploy": {"role": everyone, "to": "overlay", "timeout": {"minutes": 1}}},
            {"boot": {"role": everyone, "timeout": {"minutes": 1}, **BOOT}},
            *tests,
        ],
        **more,
    }


def mixed_job(server, client):
    """Return a job of this package: a device under LAVA is the server, a panda the client."""
    image = str(EXAMPLES / "images" / "panda.img.gz")
    return {
        "job_name": "mixed",
        "timeout": 60,
        "device_group": [
            {"role": "server", "device_type": "shell"},
            {"role": "client", "device_type": "panda"},
        ],
        "actions": [
            {"command": "deploy_linaro_image", "parameters": {"image": image}},
            *(
                {
                    "command": "lava_test_shell",
                    "parameters": {"role": role, "definitions": [definition(role, *steps)]},
                }
                for role, steps in (("server", server), ("client", client))
            ),
        ],
    }


@pytest.fixture
def export(tmp_path, capsys):
    """A function that exports a job; returns the text and stderr."""

    def run(job, *words):
        path = job
        if isinstance(job, dict):
            path = tmp_path / "job.json"
            path.write_text(json.dumps(job))
        assert main(["export", str(path), *words]) == 0
        said = capsys.readouterr()
        return said.out, said.err

    return run


def job(*actions, group=None, **more):
    """Return a job of this package."""
    group = group or [{"role": "server", "device_type": "panda"}]
    return {
        "job_name": "j",
        "timeout": 300,
        "device_group": group,
        "actions": list(actions),
        **more,
    }


def shell(*steps, **more):
    """Return a lava_test_shell with one inline definition."""
    return {
        "command": "lava_test_shell",
        "parameters": {"definitions": [definition("t", *steps)], **more},
    }
