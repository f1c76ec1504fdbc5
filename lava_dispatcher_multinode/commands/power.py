"""`lava-multinode power`: switch the power of a board."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ..errors import ExitCode
from .arguments import add_config_dir
from .manual_lock import SWITCHED, find_device, locked, power_switch_of

if TYPE_CHECKING:
    import argparse

DESCRIPTION = "Switch the power of a board as configured in its device file."
EPILOG = """\
example:
  lava-multinode power panda01 cycle

The command locks the board, so it fails if a run holds the board.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the verb."""
    parser.add_argument("board", metavar="BOARD")
    parser.add_argument("action", choices=tuple(SWITCHED))
    add_config_dir(parser)
    parser.add_argument("--json", action="store_true", help="print the result as JSON")


def run(args: argparse.Namespace) -> ExitCode:
    """Switch the power; raise `PowerError`, or `BoardsUnavailable` if the board is in use."""
    device = find_device(args.board, args.config_dir)
    switch = power_switch_of(device)
    with locked(device, f"power {args.action}"):
        getattr(switch, args.action)()
    done = json.dumps({"board": device.name, "power": args.action})
    print(done if args.json else f"{device.name}: switched {SWITCHED[args.action]}")  # noqa: T201
    return ExitCode.PASS
