"""`lava-multinode types`: what device files and jobs may name, and where it comes from."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from .. import device_types, plugins
from ..errors import ExitCode
from ..lab.lava_server_types import lava_server_types
from ..lab.layers import TYPES, Layers, search_path
from .arguments import add_config_dir

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

DESCRIPTION = "List device types, boot loaders, actions and job parsers with their origins."
EPILOG = """\
example:
  lava-multinode types
  lava-multinode types --config-dir ./lab --json

A device file may name any other device type, too: then it alone describes the board.
LAVA device types are the templates of a lava-server on this host; lava-server renders them
to a device dictionary, which `lava_device` in a device file or `lava-multinode import` takes.
"""
KINDS = {
    "boot loader": plugins.BOOT_LOADERS,
    "action": plugins.ACTIONS,
    "job parser": plugins.JOB_PARSERS,
}


@dataclass(frozen=True)
class Entry:
    """One name; `origins` are files, lowest layer first, or the package of a plug-in."""

    kind: str
    name: str
    origins: list[str]
    aliases: list[str]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the verb."""
    add_config_dir(parser)
    parser.add_argument("--json", action="store_true", help="print a JSON list")


def run(args: argparse.Namespace) -> ExitCode:
    """Print the list."""
    found = [*rows(Layers(search_path(args.config_dir)))]
    if args.json:
        print(json.dumps([asdict(row) for row in found], indent=1))  # noqa: T201
        return ExitCode.PASS
    width = max(len(row.name) for row in found)
    kind = ""
    for row in found:
        if row.kind != kind:
            print(f"{'' if not kind else chr(10)}{row.kind.upper()}S")  # noqa: T201
            kind = row.kind
        also = f" (also {', '.join(row.aliases)})" if row.aliases else ""
        print(f"  {row.name.ljust(width)}  {', '.join(row.origins)}{also}")  # noqa: T201
    return ExitCode.PASS


def rows(layers: Layers) -> Iterator[Entry]:
    """Yield the device types by name, the plug-ins of each kind, then the types of LAVA."""
    files: dict[str, list[str]] = {}
    for path in (*sorted(device_types.DIRECTORY.glob("*.yaml")), *layers.files(TYPES, ".yaml")):
        names = files.setdefault(path.stem, [])
        if str(path) not in names:
            names.append(str(path))
    drivers = plugins.entries(plugins.DEVICE_TYPES)
    known = layers.types()
    for name in sorted({*known.values(), *drivers}):
        aliases = sorted(alias for alias, proper in known.items() if proper == name != alias)
        packaged = name in drivers and (device_types.DIRECTORY / f"{name}.yaml").is_file()
        driver = [plugins.origin(drivers[name])] if name in drivers and not packaged else []
        named = [file for each in (*aliases, name) for file in files.get(each, ())]
        yield Entry("device type", name, [*driver, *named], aliases)
    for kind, group in KINDS.items():
        for name, entry in sorted(plugins.entries(group).items()):
            yield Entry(kind, name, [plugins.origin(entry)], [])
    for name, template in sorted(lava_server_types().items()):
        yield Entry("LAVA device type", name, [str(template)], [])
