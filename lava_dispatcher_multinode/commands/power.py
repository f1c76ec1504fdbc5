"""`lava-multinode power`: switch a board by hand."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ..errors import ExitCode
from .arguments import add_config_dir
from .manual_lock import SWITCHED, find_device, locked, power_switch_of

if TYPE_CHECKING:
    import argparse

DESCRIPTION = "Switch a board as its device file says."
EPILOG = """\
example:
  lava-multinode power panda01 cycle

The board is locked meanwhile: one that a run holds is not touched.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the verb takes."""
    parser.add_argument("board", metavar="BOARD")
    parser.add_argument("action", choices=tuple(SWITCHED))
    add_config_dir(parser)
    parser.add_argument("--json", action="store_true", help="print what was done as JSON")


def run(args: argparse.Namespace) -> ExitCode:
    """Switch; `PowerError` if that cannot be done, `BoardsUnavailable` if it is in use."""
    device = find_device(args.board, args.config_dir)
    switch = power_switch_of(device)
    with locked(device, f"power {args.action}"):
        getattr(switch, args.action)()
    done = json.dumps({"board": device.name, "power": args.action})
    print(done if args.json else f"{device.name}: switched {SWITCHED[args.action]}")  # noqa: T201
    return ExitCode.PASS
