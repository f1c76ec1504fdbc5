"""`lava-multinode VERB`: each verb is a module, imported on use.

A verb's module has `DESCRIPTION` and `EPILOG` for --help, `add_arguments(parser)`, and
`run(options)`, which returns the exit code.
"""

from __future__ import annotations

import argparse
import sys
from importlib import import_module
from typing import TYPE_CHECKING

from .. import __version__
from ..errors import ExitCode
from .exit_codes import ensure_streams, run_guarded
from .web import expand_web_option

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

#: The verbs with their help; a verb's module has its name, except for those in `_MODULES`.
VERBS = {
    "boards": "list the boards, their state and their holders",
    "completion": "print a completion script for a shell",
    "console": "connect to a board's console",
    "coordinator": "run a stand-alone MultiNode coordinator",
    "doctor": "check this host and its boards",
    "export": "write a job in LAVA's format",
    "import": "write a device file from a LAVA device dictionary",
    "init": "write a first device file and job",
    "power": "switch the power of a board",
    "report": "write a report of a run directory",
    "schema": "print a JSON Schema",
    "show": "print a device with the origin of each value",
    "submit": "run a job on a LAVA lab",
    "types": "list device types, boot loaders, actions and job parsers",
    "watch": "show a run in progress",
}

_MODULES = {"import": "import_dictionary"}  # the verb is a keyword of Python


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return its exit code."""
    ensure_streams()
    words = expand_web_option(sys.argv[1:] if arguments is None else arguments)
    named = next((word for word in words if not word.startswith("-")), None)
    parser = build_parser([named] if named else [])
    if not words:
        parser.print_help(sys.stderr)
        parser.exit(ExitCode.INVALID)
    options, unknown = parser.parse_known_args(words)
    if unknown:  # argparse would show the usage without the verb
        options.verb.error(f"unrecognized arguments: {' '.join(unknown)}")

    def command() -> ExitCode:
        code: ExitCode = options.run(options)
        return code

    return run_guarded("lava-multinode", command)


def build_parser(whole: Iterable[str]) -> argparse.ArgumentParser:
    """Return the parser, with the arguments of the verbs in `whole` only."""
    parser = argparse.ArgumentParser(
        prog="lava-multinode",
        description="Manage boards, reports and the coordinator of MultiNode jobs.",
        epilog="lava-dispatch runs jobs.",
        formatter_class=lambda prog: argparse.HelpFormatter(prog, max_help_position=30),
    )
    parser.add_argument("--version", action="version", version=__version__)
    verbs = parser.add_subparsers(metavar="VERB", required=True)
    for verb, text in VERBS.items():
        if verb not in whole:
            verbs.add_parser(verb, help=text)
            continue
        module = import_module(f".{_MODULES.get(verb, verb)}", __package__)
        own = verbs.add_parser(
            verb,
            help=text,
            description=module.DESCRIPTION,
            epilog=module.EPILOG,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        module.add_arguments(own)
        own.set_defaults(run=module.run, verb=own)
    return parser
