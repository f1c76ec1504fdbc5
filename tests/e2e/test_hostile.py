"""Hostile text in a job stays text, from the job file to the reports."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree

import pytest
import yaml

from .conftest import EXAMPLES

pytestmark = pytest.mark.slow

TRAP = "$(touch {0}/pwned)`touch {0}/pwned`;'\"<script>alert(1)</script>\\n%s"


def test_words_of_a_job_stay_words(dispatch, tmp_path):
    """Names, parameters, message data and cases are neither executed nor interpreted as markup."""
    trap = TRAP.format(tmp_path)
    steps = [
        'lava-send m "v=$TRAP" "e=$(printf \'\\033]0;x\\007\')"',
        "lava-wait-all m",
        'grep -F "v=$TRAP" /tmp/lava_multi_node_cache.txt',
        "printf '\\033[2J\\033]0;title\\007 <LAVA_MN Q 1-1 1/1 1 send,x,>\\n'",
        'lava-test-case "a&b\'c" --shell true',
    ]
    definition = {
        "metadata": {"format": "Lava-Test Test Definition 1.0", "name": trap},
        "params": {"TRAP": trap},
        "run": {"steps": steps},
    }
    job = {
        "timeout": 60,
        "job_name": "../../<script>alert(1)</script>$(touch pwned)",
        "device_group": [{"role": "a", "count": 2, "device_type": "panda"}],
        "actions": [
            {
                "command": "deploy_linaro_image",
                "parameters": {"image": str(EXAMPLES / "images" / "panda.img.gz")},
            },
            {"command": "lava_test_shell", "parameters": {"definitions": [definition]}},
        ],
    }
    path = tmp_path / "job.yaml"
    path.write_text(yaml.safe_dump(job))
    run = dispatch("--simulate", "-v", path)
    assert run.code == 0, run.out + run.err
    assert list(tmp_path.rglob("pwned")) == []
    assert run.cases("panda01")["a&b'c"] == "pass"
    (sent,) = {json.dumps(m["data"]) for m in run.results["messages"]}
    assert json.loads(sent)["v"] == trap
    for text in (run.out, run.err):
        assert "\x1b]" not in text
        assert "\x1b[2J" not in text
    assert b"\x1b" not in (run.directory / "nodes" / "panda01" / "console.log").read_bytes()
    page = (run.directory / "report.html").read_text()
    assert "<script>alert" not in page
    assert "\x1b" not in page
    ElementTree.parse(run.directory / "results.xml")


def test_no_password_is_in_a_runs_directory(dispatch, tmp_path):
    """Passwords in URLs, device commands and logins are redacted in the run directory."""
    (tmp_path / "lab" / "devices").mkdir(parents=True)
    device = {
        "device_type": "panda",
        "connection": {"simulated": True},
        "power": {"on": "true -p swordfish", "off": "true -p swordfish"},
        "deploy": {"method": "media"},
        "login": {"password": "swordfish"},
    }
    (tmp_path / "lab" / "devices" / "panda01.yaml").write_text(yaml.safe_dump(device))
    job = {
        "timeout": 60,
        "job_name": "secrets",
        "target": "panda01",
        "actions": [
            {
                "command": "deploy_linaro_image",
                "parameters": {"image": str(EXAMPLES / "images" / "panda.img.gz")},
            },
            {"command": "boot_linaro_image"},
            {
                "command": "deploy_linaro_image",
                "parameters": {"image": "http://me:swordfish@127.0.0.1:9/x.img?token=swordfish"},
            },
        ],
    }
    path = tmp_path / "job.yaml"
    path.write_text(yaml.safe_dump(job))
    run = dispatch("-v", "--config-dir", tmp_path / "lab", path)
    assert run.code == 3, run.err
    assert "download failed" in run.err
    assert "swordfish" not in run.out + run.err
    for file in run.directory.rglob("*"):
        assert not file.is_file() or b"swordfish" not in file.read_bytes(), file
