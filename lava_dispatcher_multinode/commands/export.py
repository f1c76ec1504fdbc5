"""`lava-multinode export`: a job in LAVA's own format."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ExitCode, InvalidJob
from .arguments import add_config_dir, add_job
from .exit_codes import print_stderr

if TYPE_CHECKING:
    import argparse

    from ..lava.export.exporter import Exported

DESCRIPTION = "Write a job as LAVA's multinode YAML, for a lab's server."
EPILOG = """\
examples:
  lava-multinode export job.json > job.yaml
  lava-multinode export job.json --split -o definitions/
  lava-multinode export job.json --config-dir lab -o job.yaml

What LAVA cannot be told is listed on stderr, and as comments in the file.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the verb takes."""
    add_job(parser)
    parser.add_argument(
        "--split",
        action="store_true",
        help="write the definition of each node, as LAVA's scheduler would make them",
    )
    parser.add_argument(
        "-o",
        "--output",
        metavar="PATH",
        type=Path,
        help="the file to write, with --split the directory (default: standard output)",
    )
    parser.add_argument(
        "--json",
        action="store_true",
        help="write JSON, which LAVA takes too; --split: one object, by node",
    )
    add_lava_config_dir(parser)


def add_lava_config_dir(parser: argparse.ArgumentParser) -> None:
    """Add the option that tells how boards under LAVA are deployed and booted."""
    add_config_dir(
        parser, "device files; those with host: lava say how their types are deployed and booted"
    )


def run(args: argparse.Namespace) -> ExitCode:
    """Write the job; 0, also where something could not be said. InvalidJob if it is wrong."""
    exported = exported_job(args.job, args.config_dir)
    tell(exported)
    try:
        if args.split and args.output is not None:
            args.output.mkdir(parents=True, exist_ok=True)
            for name, text in _by_node(exported, args).items():
                (args.output / name).write_text(text, "utf-8")
        elif args.output is not None:
            args.output.write_text(_whole(exported, args), "utf-8")
        else:
            sys.stdout.write(_whole(exported, args))
    except OSError as error:
        if args.output is None:
            raise
        path = str(error.filename or args.output)
        raise InvalidJob.about(path, error.strerror or str(error)) from None
    return ExitCode.PASS


def _whole(exported: Exported, args: argparse.Namespace) -> str:
    if args.json:
        return _json(exported.definitions() if args.split else exported.submission)
    return "---\n".join(
        exported.nodes(args.job).values() if args.split else [exported.text(args.job)]
    )


def _by_node(exported: Exported, args: argparse.Namespace) -> dict[str, str]:
    """Return what to write by file name."""
    if args.json:
        nodes = exported.definitions().items()
        return {f"{name}.json": _json(definition) for name, definition in nodes}
    return {f"{name}.yaml": text for name, text in exported.nodes(args.job).items()}


def _json(data: object) -> str:
    return json.dumps(data, indent=1, default=str) + "\n"


def exported_job(path: str, config_dir: Path | None) -> Exported:
    """Return the job in `path` in LAVA's words; its warnings go to stderr."""
    from ..job.parse import parse_job
    from ..job.source import load
    from ..lab.device_files import load_lab
    from ..lava.export.exporter import export_job, named_types

    document = load(path)
    lab = load_lab(config_dir) if config_dir else None
    job, warnings = parse_job(replace(document, device_types=named_types(document), for_lab=True))
    for problem in warnings:
        print_stderr(str(problem))
    return export_job(job, lab)


def tell(exported: Exported) -> None:
    """Say on stderr what LAVA cannot be told."""
    for remark in exported.remarks:
        print_stderr(f"not said to LAVA: {remark}")
