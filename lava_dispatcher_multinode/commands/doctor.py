"""`lava-multinode doctor`: check this host and its boards."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from ..errors import ExitCode
from ..lab.device_files import load_lab
from .arguments import add_config_dir
from .diagnosis import check_board, check_host, check_lava

if TYPE_CHECKING:
    import argparse

DESCRIPTION = "Check device files, serial ports, locks, programs and LAVA; suggest corrections."
EPILOG = """\
example:
  lava-multinode doctor

The exit code is 3 if a check fails.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the verb."""
    add_config_dir(parser)
    parser.add_argument("--json", action="store_true", help="print a JSON list")


def run(args: argparse.Namespace) -> ExitCode:
    """Print the results of all checks; return 3 if one failed."""
    lab = load_lab(args.config_dir)
    findings = [*check_host(lab), *check_lava(lab.devices)]
    for device in lab.devices:
        findings += check_board(device)
    if args.json:
        rows = [{**asdict(finding), "wrong": finding.wrong} for finding in findings]
        print(json.dumps(rows, indent=1))  # noqa: T201
    else:
        for finding in findings:
            mark = "FAIL" if finding.wrong else "ok  "
            print(f"{mark} {finding.about}: {finding.text}")  # noqa: T201
            if finding.wrong:
                print(f"     -> {finding.todo}")  # noqa: T201
    wrong = any(finding.wrong for finding in findings)
    return ExitCode.INFRASTRUCTURE if wrong else ExitCode.PASS
