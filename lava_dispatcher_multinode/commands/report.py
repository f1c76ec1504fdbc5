"""`lava-multinode report`: write a report of a run from its events."""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ExitCode, InvalidJob
from ..report import files
from ..report.consoles import Consoles
from ..report.follow import is_running
from ..report.inputs import Origin, ReportInputs

if TYPE_CHECKING:
    from ..report.results import Results

DESCRIPTION = "Write a report of a run to standard output."
EPILOG = """\
example:
  lava-multinode report lava-runs/latest --format junit > results.xml

  lava-multinode report lava-runs/latest --format html --against lava-runs/before > r.html

It reads only events.jsonl and the console logs, so it also works for a killed run
and for a run in progress.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the verb."""
    parser.add_argument("directory", metavar="DIR", type=Path, help="run directory")
    parser.add_argument("--format", choices=sorted(files.FORMATS), help="default: a text summary")
    parser.add_argument(
        "--json",
        action="store_const",
        const="json",
        dest="format",
        help="the same as --format json",
    )
    parser.add_argument(
        "-o", "--output", metavar="FILE", type=Path, help="write to FILE, atomically"
    )
    parser.add_argument(
        "--against",
        metavar="DIR",
        type=Path,
        help="run directory to compare with (text, html, json)",
    )
    kcidb = parser.add_argument_group("--format kcidb")
    kcidb.add_argument(
        "--origin",
        type=_origin,
        default=Origin.name,
        help="name of the reporting system in KCIDB (default: %(default)s)",
    )
    kcidb.add_argument(
        "--build-id",
        metavar="ORIGIN:ID",
        type=_build,
        help="ID of the tested build (default: derived from the job)",
    )


def run(args: argparse.Namespace) -> ExitCode:
    """Write the report; return 0 for any result of the run. Raise `InvalidJob`."""
    # Before reading: the run may end meanwhile.
    alive = args.directory.is_dir() and is_running(args.directory)
    results = files.read_results(args.directory, process_alive=alive)
    if args.against and args.format and args.format not in files.COMPARING:
        message = f"not supported by --format {args.format}"
        hint = f"use {', '.join(sorted(files.COMPARING))}, or no --format"
        raise InvalidJob.about("--against", message, hint)
    before = None if args.against is None else files.read_results(args.against)
    if args.format:
        origin = Origin(args.origin, args.build_id or "")
        inputs = ReportInputs(Consoles(args.directory), before, origin)
        text = files.render(results, args.format, inputs)
    else:
        text = _text(results, args) + _changes(before, results)
    if args.output is not None:
        _save(args.output, text)
    else:
        # Bytes: a report is UTF-8 whatever the locale says.
        sys.stdout.flush()
        sys.stdout.buffer.write(text.encode("utf-8", "backslashreplace"))
        sys.stdout.flush()
    return ExitCode.PASS


def _origin(text: str) -> str:
    if not re.fullmatch(r"[a-z0-9_]+", text):
        raise argparse.ArgumentTypeError(
            f"{text!r}: only lower-case letters, digits and _ are allowed"
        )
    return text


def _build(text: str) -> str:
    if not re.fullmatch(r"[a-z0-9_]+:[^\0]*", text):
        raise argparse.ArgumentTypeError(f"{text!r} does not have the form ORIGIN:ID")
    return text


def _text(results: Results, args: argparse.Namespace) -> str:
    from ..report.text.summary import format_summary, summary_for_stream

    if args.output is not None:
        return format_summary(results, args.directory)
    return summary_for_stream(sys.stdout, results, args.directory)


def _changes(before: Results | None, results: Results) -> str:
    if before is None:
        return ""
    from ..report.changes import find_changes, sentence_text
    from ..report.safe_text import one_line

    found = [f"  {one_line(sentence_text(change))}\n" for change in find_changes(before, results)]
    return "\nChanges since the other run:\n" + "".join(found or ["  none\n"])


def _save(path: Path, text: str) -> None:
    try:
        files.write_atomic(path, text)
    except OSError as error:
        raise InvalidJob.about(str(path), error.strerror or str(error)) from None
