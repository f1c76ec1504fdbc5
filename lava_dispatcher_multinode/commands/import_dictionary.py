"""`lava-multinode import`: a device file from a LAVA device dictionary."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import yaml

from ..errors import ExitCode, InvalidJob
from ..job.source import load
from ..lab.dictionary_boot import LOADERS
from ..lab.dictionary_translation import translate
from .exit_codes import print_stderr

if TYPE_CHECKING:
    import argparse

DESCRIPTION = "Write a device file from a device dictionary of LAVA, rendered."
EPILOG = """\
examples:
  lava-multinode import black-01.dict > ~/.config/lava-dispatcher/devices/black-01.yaml
  lavacli devices dict get --render black-01 | lava-multinode import - --type bbb > black-01.yaml

What has no effect here is listed on stderr, with its line. A device file with the
key lava_device uses the dictionary as it is.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the verb."""
    parser.add_argument("dictionary", metavar="DICT", help="rendered YAML; - is standard input")
    parser.add_argument(
        "--type", metavar="TYPE", dest="device_type", help="device type, if DICT has none"
    )
    parser.add_argument(
        "--bootloader",
        choices=sorted(set(LOADERS.values())),
        help="boot loader, if DICT has several boot methods (none: its method minimal)",
    )
    parser.add_argument("--json", action="store_true", help="write JSON")


def run(args: argparse.Namespace) -> ExitCode:
    """Print the device file, and a warning for each key without effect. Raise `InvalidJob`."""
    document = load(args.dictionary)
    found = translate(document, {"bootloader": args.bootloader} if args.bootloader else {})
    device_type = args.device_type or found.keys.pop("device_type", None)
    if device_type is None:
        hint = "add --type TYPE: jobs select boards by their type"
        raise InvalidJob.about(args.dictionary, "the dictionary names no device type", hint)
    for problem in found.named:
        print_stderr(str(problem))
    keys = {**found.keys, "device_type": device_type}
    ordered = {name: keys[name] for name in sorted(keys, key=_order)}
    if args.json:
        sys.stdout.write(json.dumps(ordered, indent=1) + "\n")
    else:
        sys.stdout.write(yaml.safe_dump(ordered, sort_keys=False, width=95, allow_unicode=True))
    return ExitCode.PASS


def _order(name: str) -> tuple[bool, str]:
    return name != "device_type", name
