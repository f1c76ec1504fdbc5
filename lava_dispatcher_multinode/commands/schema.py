"""`lava-multinode schema`: print JSON Schemas for editors and programs."""

from __future__ import annotations

import json
import sys
from functools import partial
from typing import TYPE_CHECKING, Any

from ..errors import ExitCode
from ..job.editor_schema import job_schema
from ..job.schema_check import load_schema
from ..lab.device_model import device_schema

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

DESCRIPTION = "Print the JSON Schema (draft 2020-12) of a file format."
EPILOG = """\
examples:
  lava-multinode schema job > job.schema.json
  # then, as the first line of a job in YAML:
  # yaml-language-server: $schema=job.schema.json

The schema of a job contains the parameters of all installed actions, including
those of plug-ins.
"""


KINDS: dict[str, Callable[[], dict[str, Any]]] = {
    "device": device_schema,
    "events": partial(load_schema, "report", "events.schema.json"),
    "job": job_schema,
    "results": partial(load_schema, "report", "results.schema.json"),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the verb."""
    parser.add_argument(
        "kind",
        choices=sorted(KINDS),
        help="job: a job file; device: a device file; results: results.json; "
        "events: a line of events.jsonl",
    )
    parser.add_argument("--json", action="store_true", help="no effect; the output is always JSON")


def run(args: argparse.Namespace) -> ExitCode:
    """Print the schema. Raise `InvalidJob` if an installed action does not load."""
    json.dump(KINDS[args.kind](), sys.stdout, indent=2)
    sys.stdout.write("\n")
    return ExitCode.PASS
