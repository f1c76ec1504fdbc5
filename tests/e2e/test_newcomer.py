"""A board of no known type, described from the first page about own boards alone."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pytest
import yaml

from .newcomer_board import PASSWORD

PAGE = Path(__file__).parents[2] / "docs/how-to/use-your-own-boards.md"
STAND_IN = Path(__file__).parent / "newcomer_board.py"
pytestmark = [pytest.mark.slow, pytest.mark.needs("root's namespaces", "bash")]


def test_your_board_in_five_minutes(dispatch, tmp_path):
    """The page's files run the job; only the port and the power commands are those of the desk.

    The board's prompt has the marks of systemd 258, and its login asks for a password.
    """
    device, job = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL)[:2]
    power = tmp_path / "power"
    os.mkfifo(power)
    described = yaml.safe_load(device)
    del described["connection"]["serial"]
    described["connection"]["command"] = f"exec {sys.executable} {STAND_IN} {power}"
    described["power"] = {"on": f"echo on >{power}", "off": f"echo off >{power}"}
    assert described["device_type"] == "myboard"
    name = re.search(r"devices/(\w+)\.yaml", device)[1]
    (tmp_path / "config/lava-dispatcher/devices").mkdir(parents=True)
    file = tmp_path / f"config/lava-dispatcher/devices/{name}.yaml"
    file.write_text(yaml.safe_dump(described))
    (tmp_path / "job.yaml").write_text(job)
    run = dispatch(tmp_path / "job.yaml")
    assert run.code == 0, run.out + run.err
    assert run.cases(name)["kernel"] == "pass"
    console = run.console(name)
    assert console.count(b"Starting kernel") == 1
    assert b"\x1b]3008;start=" in console
    assert PASSWORD not in run.err.encode() + (run.directory / "events.jsonl").read_bytes()
