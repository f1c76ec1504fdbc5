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

DESCRIPTION = "Write a job in LAVA's MultiNode format, for a LAVA server."
EPILOG = """\
examples:
  lava-multinode export job.json > job.yaml
  lava-multinode export job.json --split -o definitions/
  lava-multinode export job.json --config-dir lab -o job.yaml

What LAVA's job format cannot express is listed on stderr, and in comments of the file.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the verb."""
    add_job(parser)
    parser.add_argument(
        "--split",
        action="store_true",
        help="write one definition per node, as LAVA's scheduler does",
    )
    parser.add_argument(
        "-o",
        "--output",
        metavar="PATH",
        type=Path,
        help="output file, with --split a directory (default: standard output)",
    )
    parser.add_argument(
        "--json",
        action="store_true",
        help="write JSON, which LAVA accepts; with --split, one object by node",
    )
    add_lava_config_dir(parser)


def add_lava_config_dir(parser: argparse.ArgumentParser) -> None:
    """Add the option for device files, which define how LAVA deploys and boots devices."""
    add_config_dir(
        parser,
        "device files; those with host: lava define how their types are deployed and booted",
    )


def run(args: argparse.Namespace) -> ExitCode:
    """Write the job; return 0, also if a part is not exported. Raise `InvalidJob`."""
    exported = exported_job(args.job, args.config_dir)
    print_remarks(exported)
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
    """Return the texts by file name."""
    if args.json:
        nodes = exported.definitions().items()
        return {f"{name}.json": _json(definition) for name, definition in nodes}
    return {f"{name}.yaml": text for name, text in exported.nodes(args.job).items()}


def _json(data: object) -> str:
    return json.dumps(data, indent=1, default=str) + "\n"


def exported_job(path: str, config_dir: Path | None) -> Exported:
    """Return the job in `path` in LAVA's format; print its warnings on stderr."""
    from ..device_types import with_aliases
    from ..job.parse import parse_job
    from ..job.source import load
    from ..lab.device_files import load_lab
    from ..lab.virtual import described_types
    from ..lava.export.exporter import export_job, named_types

    document = load(path)
    lab = load_lab(config_dir) if config_dir else None
    described = described_types(config_dir)
    names = {**named_types(document), **with_aliases(described)}
    job, warnings = parse_job(replace(document, device_types=names, for_lab=True))
    for problem in warnings:
        print_stderr(str(problem))
    return export_job(job, lab, described)


def print_remarks(exported: Exported) -> None:
    """Print on stderr what is not exported."""
    for remark in exported.remarks:
        print_stderr(f"not exported: {remark}")
