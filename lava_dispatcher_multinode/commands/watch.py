"""`lava-multinode watch`: show a run in progress, read-only."""

from __future__ import annotations

import sys
import threading
import time
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import web
from .exit_codes import print_stderr

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from ..errors import ExitCode

DESCRIPTION = "Show a run in progress, read-only."
EPILOG = """\
example:
  lava-multinode watch lava-runs/latest
  lava-multinode watch --web lava-runs/latest

It only reads the files of the run; Ctrl-C leaves, and the run continues.
It ends with the run, also if that is killed, and returns the run's exit code.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the verb."""
    parser.add_argument("directory", metavar="DIR", type=Path, help="run directory")
    web.add_web_option(parser)
    parser.add_argument(
        "--json",
        action="store_true",
        help="print results.json on stdout at the end, and the view on stderr",
    )
    parser.add_argument("-v", "--verbose", action="store_true", help="also print log lines")


def run(args: argparse.Namespace) -> ExitCode:
    """Show the run until it ends; return its exit code. Raise `InvalidJob`."""
    from ..report.consoles import LastLines
    from ..report.files import render
    from ..report.follow import follow_events
    from ..report.results import Results
    from ..report.text.summary import summary_for_stream
    from ..report.text.terminal import Terminal
    from ..report.verdict import exit_code

    results, clock = Results(), _Clock()
    terminal = Terminal(
        sys.stderr if args.json else sys.stdout,
        verbosity=int(args.verbose),
        now=clock,
        last_line=LastLines(args.directory),
    )
    with terminal, web.serve_report(args.web, args.directory, _say) as listeners:
        for event in follow_events(args.directory, threading.Event()):
            clock.feed(event)
            results.feed(event)
            terminal(event)
            for listener in listeners:
                listener(event)
    if not results.over:
        _say("the run was killed: it has no job_finished event")
    sys.stdout.write(
        render(results, "json")
        if args.json
        else summary_for_stream(sys.stdout, results, args.directory)
    )
    return exit_code(results)


class _Clock:
    """Seconds since the start of the run by this host's clock."""

    def __init__(self) -> None:
        self._started = 0.0
        self._last = 0.0

    def feed(self, event: Mapping[str, Any]) -> None:
        if event.get("event") == "job_started":
            try:
                self._started = datetime.fromisoformat(str(event.get("started"))).timestamp()
            except ValueError:
                self._started = time.time()
        at = event.get("t")
        self._last = float(at) if isinstance(at, int | float) else self._last

    def __call__(self) -> float:
        # The clock of the run's host may differ; time never precedes the last event.
        return max(self._last, time.time() - self._started)


def _say(text: str) -> None:
    print_stderr(f"lava-multinode: {text}")
