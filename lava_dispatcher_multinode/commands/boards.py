"""`lava-multinode boards`: list the boards and their holders."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from ..errors import ExitCode
from ..lab.device_files import load_lab
from ..lab.lockfiles import holders, lock_directory
from .arguments import add_config_dir
from .exit_codes import print_stderr

if TYPE_CHECKING:
    import argparse

    from ..lab.device_files import Lab
    from ..lab.lockfiles import Holder

DESCRIPTION = "List the boards that have a device file."
EPILOG = """\
example:
  lava-multinode boards
  lava-multinode boards --config-dir ./lab --json
"""


@dataclass(frozen=True)
class Row:
    """One board; `state` is free, held or broken (its device file is invalid)."""

    name: str
    device_type: str | None
    tags: list[str]
    state: str
    holder: Holder | None = None
    file: str | None = None
    problems: list[str] = field(default_factory=list)
    note: str = ""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the verb."""
    add_config_dir(parser)
    parser.add_argument("--json", action="store_true", help="print a JSON list")


def run(args: argparse.Namespace) -> ExitCode:
    """Print the list; return 0, also for an empty one."""
    lab = load_lab(args.config_dir)
    rows = rows_of(lab)
    if args.json:
        print(json.dumps([asdict(row) for row in rows], indent=1))  # noqa: T201
    elif rows:
        print(table(rows))  # noqa: T201
    else:
        searched = ", ".join(str(directory / "devices") for directory in lab.searched[1:])
        print_stderr(
            f"no devices are configured (searched: {searched}); "
            "'lava-multinode init' writes a first device file"
        )
    return ExitCode.PASS


def rows_of(lab: Lab) -> list[Row]:
    """Return a row for each board, by name, including the broken ones."""
    names = [device.name for device in lab.devices]
    held = holders(lock_directory(), names) if names else {}
    rows = [
        Row(
            device.name,
            device.device_type,
            sorted(device.tags),
            "held" if device.name in held else "free",
            held.get(device.name),
            str(device.file) if device.file else None,
            note=lab.describe_type(device),
        )
        for device in lab.devices
    ]
    rows += [
        Row(name, broken.device_type, [], "broken", problems=list(map(str, broken.error.problems)))
        for name, broken in lab.invalid.items()
    ]
    return sorted(rows, key=lambda row: row.name)


def table(rows: list[Row]) -> str:
    """Return the rows as an aligned table, and the notes on boards below it."""
    cells = [("NAME", "TYPE", "TAGS", "STATE", "HOLDER")]
    for row in rows:
        about = "; ".join(row.problems) if row.state == "broken" else str(row.holder or "")
        tags = ",".join(row.tags) or "-"
        cells.append((row.name, row.device_type or "?", tags, row.state, about))
    widths = [max(len(line[column]) for line in cells) for column in range(4)]
    lines = [
        "  ".join(
            [*(cell.ljust(width) for cell, width in zip(line, widths, strict=False)), line[4]]
        ).rstrip()
        for line in cells
    ]
    notes = [f"{row.name}: {row.note}" for row in rows if row.note]
    return "\n".join([*lines, *([""] if notes else []), *notes])
