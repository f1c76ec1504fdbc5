"""`lava-multinode schema`: JSON Schemas for editors and other programs."""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING, Any

from ..errors import ExitCode

if TYPE_CHECKING:
    from collections.abc import Callable

EPILOG = """\
examples:
  lava-multinode schema job > job.schema.json
  # then, as the first line of a job in YAML:
  # yaml-language-server: $schema=job.schema.json

The schema of a job has the parameters of every action that is installed,
those of other packages too.
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb."""
    parser = subparsers.add_parser(
        "schema",
        help="print a JSON Schema",
        description="Print the JSON Schema (draft 2020-12) of a kind of file.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "kind",
        choices=sorted(KINDS),
        help="job: a job file; device: a device file; results: results.json; "
        "events: a line of events.jsonl",
    )
    parser.add_argument("--json", action="store_true", help="accepted; it is JSON anyway")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> ExitCode:
    """Print the schema; 0. InvalidJob if an installed action does not load."""
    json.dump(KINDS[args.kind](), sys.stdout, indent=2)
    sys.stdout.write("\n")
    return ExitCode.PASS


def _job() -> dict[str, Any]:
    from ..job.emit import job_schema

    return job_schema()


def _device() -> dict[str, Any]:
    from ..job.schema import shipped

    return shipped("lab", "device.schema.json")


def _results() -> dict[str, Any]:
    from ..job.schema import shipped

    return shipped("report", "results.schema.json")


def _events() -> dict[str, Any]:
    from ..job.schema import shipped

    return shipped("report", "events.schema.json")


KINDS: dict[str, Callable[[], dict[str, Any]]] = {
    "device": _device,
    "events": _events,
    "job": _job,
    "results": _results,
}
