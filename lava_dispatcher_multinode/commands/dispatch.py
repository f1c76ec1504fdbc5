"""`lava-dispatch JOB`: run a job, or say what is wrong with it."""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from .. import __version__
from ..errors import ExitCode
from .errors import guarded

if TYPE_CHECKING:
    from collections.abc import Sequence

EXAMPLE = """examples:
  lava-dispatch --simulate examples/seed.json      three boards, no hardware
  lava-dispatch --validate job.json                every error, nothing touched
  lava-dispatch --wait 600 --output-dir out job.json
"""


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(
        prog="lava-dispatch",
        description="Run a LAVA job on a group of boards: allocate, deploy, boot, test, report.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("job", metavar="JOB", help="job file, JSON or YAML; - is standard input")
    parser.add_argument("--version", action="version", version=__version__)
    parser.add_argument(
        "--validate", action="store_true", help="print every error of the job and stop; exit 2"
    )
    parser.add_argument(
        "--output-dir", metavar="DIR", type=Path,
        help="where results go (default: lava-runs/<time>-<job name>)",
    )
    parser.add_argument(
        "--config-dir", metavar="DIR", type=Path,
        help="device files instead of /etc/lava-dispatcher and ~/.config/lava-dispatcher",
    )
    parser.add_argument("--target", metavar="DEVICE", help="the board of a single-board job")
    parser.add_argument("--job-id", metavar="ID", help="the job's ID (default: a random one)")
    parser.add_argument(
        "--wait", metavar="SECONDS", type=_seconds, default=0.0,
        help="how long to wait for busy boards (default 0: fail at once)",
    )
    boards = parser.add_mutually_exclusive_group()
    boards.add_argument(
        "--simulate", action="store_true",
        help="run on simulated boards of the types that the job asks for",
    )
    boards.add_argument(
        "--emulate", action="store_true", help="run on QEMU boards (not available yet)"
    )
    parser.add_argument(
        "--unconfined", action="store_true",
        help="let simulated boards run as plain processes where they cannot be confined",
    )
    parser.add_argument("--json", action="store_true", help="print results.json on stdout")
    volume = parser.add_mutually_exclusive_group()
    volume.add_argument("-v", "--verbose", action="store_true", help="also show the log")
    volume.add_argument("-q", "--quiet", action="store_true", help="show the summary only")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return its exit code."""
    options = build_parser().parse_args(arguments)
    # A closed terminal or a service manager ends a run as tidily as Ctrl-C does.
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, signal.default_int_handler)
    return guarded("lava-dispatch", lambda: _dispatch(options))


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 <= seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not a number of seconds")
    return seconds
