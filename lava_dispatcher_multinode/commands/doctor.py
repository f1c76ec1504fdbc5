"""`lava-multinode doctor`: what is wrong on this host, and what to do."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from ..errors import ExitCode
from ..lab.device_files import load_lab
from .arguments import add_config_dir
from .diagnosis import of_board, of_host
from .lava_diagnosis import of_lava

if TYPE_CHECKING:
    import argparse

DESCRIPTION = "Look at device files, ports, locks and tools; say what to do."
EPILOG = """\
example:
  lava-multinode doctor

Exit code 3 says that something is wrong.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the verb takes."""
    add_config_dir(parser)
    parser.add_argument("--json", action="store_true", help="print a JSON list")


def run(args: argparse.Namespace) -> ExitCode:
    """Print the findings; 0 if nothing is wrong."""
    lab = load_lab(args.config_dir)
    findings = [*of_host(lab), *of_lava(lab.devices)]
    for device in lab.devices:
        findings += of_board(device)
    if args.json:
        rows = [{**asdict(finding), "wrong": finding.wrong} for finding in findings]
        print(json.dumps(rows, indent=1))  # noqa: T201
    else:
        for finding in findings:
            mark = "WRONG" if finding.wrong else "ok   "
            print(f"{mark} {finding.about}: {finding.text}")  # noqa: T201
            if finding.wrong:
                print(f"      -> {finding.todo}")  # noqa: T201
    wrong = any(finding.wrong for finding in findings)
    return ExitCode.INFRASTRUCTURE if wrong else ExitCode.PASS
