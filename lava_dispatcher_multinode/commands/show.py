"""`lava-multinode show`: a device as its files, merged, describe it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ..errors import ExitCode, InvalidJob
from ..job.hints import suggest
from ..lab.layers import Layers, search_path
from ..redaction import HIDDEN, without_logins
from .arguments import add_config_dir

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Iterator

    from ..lab.origins import Value

DESCRIPTION = "Print the merged device file of a board with the file and line of each value."
EPILOG = """\
example:
  lava-multinode show panda01
  lava-multinode show panda01 --json

The output is a device file; passwords are not shown.
"""
PLACE_COLUMN = 40
_PASSWORD = "password"  # noqa: S105 - the name of a key


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the verb."""
    parser.add_argument("board", metavar="BOARD", help="name of a device file, without .yaml")
    add_config_dir(parser)
    parser.add_argument("--json", action="store_true", help="print a JSON list")


def run(args: argparse.Namespace) -> ExitCode:
    """Print the device; raise `InvalidJob` if there is none or its files are invalid."""
    layers = Layers(search_path(args.config_dir))
    if layers.file(args.board) is None:
        searched = ", ".join(str(directory / "devices") for directory in layers.directories[1:])
        hint = suggest(args.board, layers.names(), what="boards") or f"searched: {searched}"
        raise InvalidJob.about(args.board, "no board has this name", hint)
    values = layers.values(args.board)
    if args.json:
        rows = [
            {
                "key": value.key,
                "value": _shown(value),
                "origin": value.origin,
                "line": value.line or None,
            }
            for value in values
        ]
        print(json.dumps(rows, indent=1, default=str))  # noqa: T201
    else:
        print("\n".join(as_yaml(values)))  # noqa: T201
    return ExitCode.PASS


def as_yaml(values: Iterable[Value]) -> Iterator[str]:
    """Yield the lines of a device file with these values; comments show the origins."""
    import yaml

    open_sections: tuple[str, ...] = ()
    for value in values:
        *sections, name = value.path
        shared = 0
        while shared < min(len(sections), len(open_sections)) and (
            sections[shared] == open_sections[shared]
        ):
            shared += 1
        for depth in range(shared, len(sections)):
            yield f"{'  ' * depth}{sections[depth]}:"
        open_sections = tuple(sections)
        data = _shown(value)
        text = yaml.safe_dump(data, default_flow_style=True, width=10**6, allow_unicode=True)
        text = text.removesuffix("...\n").strip()
        if "\n" in text:  # JSON has one line for a text of several
            text = json.dumps(data, ensure_ascii=False)
        line = f"{'  ' * len(sections)}{name}: {text}"
        yield f"{line.ljust(PLACE_COLUMN)}  # {value.place}"


def _shown(value: Value) -> Any:
    """Return the value as plain data, without passwords."""
    if _PASSWORD in value.path and value.value is not None:
        return HIDDEN
    data = list(value.value) if isinstance(value.value, tuple) else value.value
    return without_logins(data)
